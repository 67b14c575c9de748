//! A report as one HTML file: tiles, charts over time, and the decisions with their reasons.
//!
//! Self-contained: no script, no font, no request to anywhere. Lines are SVG that stretches with the window; texts are
//! HTML beside it, so that they stay legible on any width.

pub mod chart;
pub mod scale;

use askama::Template;

pub use chart::Chart;

/// A report.
#[derive(Debug, Template)]
#[template(path = "report.html")]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// One line below the title.
    pub subtitle: String,
    /// Whether it went well.
    pub mood: Mood,
    /// The outcome in a word.
    pub verdict: String,
    /// Why, a sentence each.
    pub why: Vec<String>,
    /// The main figures.
    pub tiles: Vec<Tile>,
    /// Charts over the same time, one below the other.
    pub charts: Vec<Chart>,
    /// Every change of the size.
    pub changes: Vec<Change>,
    /// How to read it, a sentence each.
    pub notes: Vec<String>,
}

/// Whether something went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It did.
    Good,
    /// It did not.
    Bad,
    /// Nothing to judge.
    Plain,
}

/// One figure.
#[derive(Debug)]
pub struct Tile {
    /// What it is.
    pub label: &'static str,
    /// The figure with its unit.
    pub value: String,
    /// What it is measured against.
    pub detail: String,
    /// Whether that is good.
    pub mood: Mood,
}

/// One change of the size.
#[derive(Debug)]
pub struct Change {
    /// Its number, from 1: the anchor within the page.
    pub number: usize,
    /// Seconds from the beginning, with unit.
    pub at: String,
    /// Size before.
    pub from: u32,
    /// Size after.
    pub to: u32,
    /// Offered rate that was seen, with unit.
    pub offered: String,
    /// What one pod was believed to carry, with unit.
    pub per_pod: String,
    /// The reasons, in order.
    pub reasons: Vec<Why>,
}

/// One reason of a decision.
#[derive(Debug)]
pub struct Why {
    /// Its code.
    pub code: String,
    /// In words.
    pub message: String,
}

impl Mood {
    /// The class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}
