//! A report as one HTML file: sections with bars, lines and tables. No script, no font, no request to anywhere.
//!
//! Lines are SVG that stretches with the window; texts are HTML beside it, so that they stay legible on any width.

mod bars;
mod lines;
mod scale;
mod table;

use askama::Template;

pub use bars::{Bar, Bars, Guide, Whose};
pub use lines::{Lines, Series};
pub use scale::Scale;
pub use table::Table;

/// A report.
#[derive(Debug, Template)]
#[template(path = "page.html")]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// One line below the title: the machine, the time.
    pub subtitle: String,
    /// The parts, one below the other.
    pub sections: Vec<Section>,
    /// How to read it, a sentence each.
    pub notes: Vec<String>,
}

/// One part of a report.
#[derive(Debug)]
pub struct Section {
    /// What it shows.
    pub title: String,
    /// In which unit, and how to read it.
    pub text: String,
    /// What it shows.
    pub figure: Figure,
}

/// What a section shows.
#[derive(Debug)]
pub enum Figure {
    /// Values side by side.
    Bars(Bars),
    /// Values over values.
    Lines(Lines),
    /// Figures.
    Table(Table),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_what_its_sections_hold_and_asks_for_nothing() {
        let page = Page {
            title: "Cost <of> a request".to_owned(),
            subtitle: "some machine".to_owned(),
            sections: vec![
                Section {
                    title: "First".to_owned(),
                    text: "us".to_owned(),
                    figure: Figure::Bars(Bars {
                        bars: vec![Bar {
                            label: "ours".to_owned(),
                            value: 5.0,
                            spread: 0.5,
                            text: "5.0 us".to_owned(),
                            whose: Whose::Ours,
                        }],
                        guide: Some(Guide { value: 6.0, label: "nginx".to_owned() }),
                    }),
                },
                Section {
                    title: "Second".to_owned(),
                    text: "1/s".to_owned(),
                    figure: Figure::Lines(Lines {
                        x: Scale::Linear { max: 10.0 },
                        y: Scale::Linear { max: 10.0 },
                        x_unit: " s",
                        y_unit: "",
                        series: vec![Series {
                            label: "served".to_owned(),
                            points: vec![(0.0, 1.0), (10.0, 2.0)],
                        }],
                    }),
                },
            ],
            notes: vec!["A note.".to_owned()],
        };
        let html = page.render().unwrap();
        for part in ["Cost &#60;of&#62; a request", "5.0 us", "nginx", "M0.0 90.0L1000.0 80.0", "A note."] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    }
}
