use super::*;
use crate::controller::report::fixtures::{at, calm, service, standing};

fn shown(board: &Board, most_bytes: usize) -> serde_json::Value {
    serde_json::from_str(&board.json(|_, _| true, most_bytes).unwrap()).unwrap()
}

#[test]
fn a_service_is_shown_with_a_line_that_can_be_replayed() {
    let board = Board::default();
    for second in 0..310 {
        board.show(&service("Observe"), Arc::new(standing(calm())), at(second));
    }
    let all = shown(&board, usize::MAX);
    assert_eq!(all[0]["name"], "orders");
    assert_eq!(all[0]["mode"], "Observe");
    assert_eq!(all[0]["standing"]["standing"], "decided");
    assert_eq!(all[0]["line"]["pods"].as_array().unwrap().len(), 7);
    assert_eq!(all[0]["lastDecisions"].as_array().unwrap().len(), MOST_DECISIONS);
    board.forget("u1");
    assert_eq!(shown(&board, usize::MAX), serde_json::json!([]));
}

#[test]
fn what_does_not_fit_is_named() {
    let board = Board::default();
    board.show(&service("Active"), Arc::new(standing(calm())), at(0));
    let all = shown(&board, 100);
    assert_eq!((&all[0]["name"], &all[0]["truncated"]), (&"orders".into(), &true.into()));
    assert!(all[0]["line"].is_null());
}

/// Who reads is slow, and the loop shows every second.
#[test]
fn the_loop_waits_for_no_reader() {
    let board = Board::default();
    board.show(&service("Active"), Arc::new(standing(calm())), at(0));
    let chosen = board.chosen(|_, _| true);
    board.show(&service("Active"), Arc::new(standing(calm())), at(1));
    assert_eq!(chosen[0].1.decisions.len(), 1, "as it was");
    assert_eq!(shown(&board, usize::MAX)[0]["lastDecisions"].as_array().unwrap().len(), 2);
}
