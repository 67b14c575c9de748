//! Figures in rows, for the page and for the docs.

/// Figures in rows. The first column holds names, the others figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub head: Vec<String>,
    /// As many cells each as `head` has.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// As Markdown.
    pub fn markdown(&self) -> String {
        let rule = self.head.iter().enumerate().map(|(i, _)| if i == 0 { "---" } else { "---:" });
        let rule = rule.map(str::to_owned).collect();
        let mut text = String::new();
        for cells in [&self.head, &rule].into_iter().chain(&self.rows) {
            text.push_str("| ");
            text.push_str(&cells.join(" | "));
            text.push_str(" |\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_has_a_line_for_each_row() {
        let table = Table {
            head: vec!["server".to_owned(), "us".to_owned()],
            rows: vec![vec!["ours".to_owned(), "5.1".to_owned()]],
        };
        assert_eq!(table.markdown(), "| server | us |\n| --- | ---: |\n| ours | 5.1 |\n");
    }
}
