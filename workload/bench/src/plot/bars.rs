//! Values side by side as horizontal bars from zero, with their spread.

/// Values side by side.
#[derive(Debug)]
pub struct Bars {
    /// From top to bottom.
    pub bars: Vec<Bar>,
    /// A value that all are compared with, shown as a line across them.
    pub guide: Option<Guide>,
}

/// One value.
#[derive(Debug)]
pub struct Bar {
    /// Of what.
    pub label: String,
    /// The value, not negative.
    pub value: f64,
    /// How far values lie from it typically.
    pub spread: f64,
    /// The value with its unit, as written beside the bar.
    pub text: String,
    /// Sets the colour.
    pub whose: Whose,
}

/// Whose value a bar shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Our server's.
    Ours,
    /// Another server's.
    Others,
    /// What is possible at best.
    Floor,
}

/// A value that all are compared with.
#[derive(Debug)]
pub struct Guide {
    /// The value.
    pub value: f64,
    /// Its name.
    pub label: String,
}

impl Whose {
    /// The class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Others => "others",
            Self::Floor => "floor",
        }
    }
}

impl Bars {
    /// Length of a bar, in percent of the room.
    pub fn length(&self, bar: &Bar) -> f64 {
        self.percent(bar.value)
    }

    /// Where the guide lies, in percent of the room.
    pub fn place(&self, guide: &Guide) -> f64 {
        self.percent(guide.value)
    }

    /// Left end and width of the stroke that shows the spread of a bar, in percent of the room.
    pub fn whisker(&self, bar: &Bar) -> (f64, f64) {
        let left = self.percent(bar.value - bar.spread);
        (left, self.percent(bar.value + bar.spread) - left)
    }

    fn percent(&self, value: f64) -> f64 {
        let tips = self.bars.iter().map(|bar| bar.value + bar.spread);
        let largest = tips.chain(self.guide.as_ref().map(|guide| guide.value)).fold(0.0, f64::max);
        if largest > 0.0 { 100.0 * (value / largest).clamp(0.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_with_its_spread_fills_the_room() {
        let bar = |value, spread| Bar {
            label: String::new(),
            value,
            spread,
            text: String::new(),
            whose: Whose::Others,
        };
        let bars = Bars { bars: vec![bar(8.0, 2.0), bar(4.0, 1.0)], guide: None };
        assert_eq!(bars.length(&bars.bars[0]), 80.0);
        assert_eq!(bars.whisker(&bars.bars[0]), (60.0, 40.0));
        assert_eq!(bars.whisker(&bars.bars[1]), (30.0, 20.0));
    }
}
