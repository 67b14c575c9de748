//! The one queue of a server: who waits, by class and in order of arrival.

use std::collections::VecDeque;

use super::class::Class;
use super::patience::Order;
use super::tally::Integral;
use crate::clock::Nanos;

/// All that wait; `J` is what waits.
#[derive(Debug)]
pub(super) struct Queue<J> {
    classes: [VecDeque<Waiting<J>>; Class::COUNT],
    next: u64,
    level: Integral,
}

/// Names a waiting request. In a class, tickets grow with arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    class: Class,
    number: u64,
}

/// One that waits.
#[derive(Debug)]
pub(super) struct Waiting<J> {
    number: u64,
    pub(super) since: Nanos,
    /// When nobody needs its answer any more.
    pub(super) deadline: Option<Nanos>,
    pub(super) job: J,
}

impl<J> Queue<J> {
    pub(super) fn new() -> Self {
        Self { classes: std::array::from_fn(|_| VecDeque::new()), next: 0, level: Integral::default() }
    }

    pub(super) fn push(&mut self, now: Nanos, class: Class, deadline: Option<Nanos>, job: J) -> Ticket {
        let number = self.next;
        self.next += 1;
        self.classes[class.index()].push_back(Waiting { number, since: now, deadline, job });
        self.level.raise(now);
        Ticket { class, number }
    }

    /// The next one: of the most important class, in this order.
    pub(super) fn pop(&mut self, now: Nanos, order: Order) -> Option<Waiting<J>> {
        let class = self.classes.iter_mut().find(|class| !class.is_empty())?;
        let next = match order {
            Order::OldestFirst => class.pop_front(),
            Order::NewestFirst => class.pop_back(),
        };
        self.lowered(now, next)
    }

    /// One that has waited since before `limit`.
    pub(super) fn pop_older(&mut self, now: Nanos, limit: Nanos) -> Option<Waiting<J>> {
        let is_older = |class: &VecDeque<Waiting<J>>| class.front().is_some_and(|first| first.since < limit);
        let older = self.classes.iter_mut().find(|class| is_older(class))?.pop_front();
        self.lowered(now, older)
    }

    /// The newest of the least important class, if that is less important than `class`.
    pub(super) fn pop_less_important(&mut self, now: Nanos, class: Class) -> Option<Waiting<J>> {
        let less = &mut self.classes[class.index() + 1..];
        let last = less.iter_mut().rev().find(|class| !class.is_empty())?.pop_back();
        self.lowered(now, last)
    }

    pub(super) fn remove(&mut self, now: Nanos, ticket: Ticket) -> Option<Waiting<J>> {
        let class = &mut self.classes[ticket.class.index()];
        let place = class.binary_search_by_key(&ticket.number, |waiting| waiting.number).ok()?;
        let removed = class.remove(place);
        self.lowered(now, removed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.level.level() == 0
    }

    pub(super) fn len(&self) -> u64 {
        self.level.level()
    }

    pub(super) fn by_class(&self) -> [u32; Class::COUNT] {
        std::array::from_fn(|class| self.classes[class].len() as u32)
    }

    /// The integral of the length.
    pub(super) fn seconds(&self, now: Nanos) -> f64 {
        self.level.seconds(now)
    }

    fn lowered(&mut self, now: Nanos, left: Option<Waiting<J>>) -> Option<Waiting<J>> {
        if left.is_some() {
            self.level.lower(now);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Nanos = Nanos(100);

    fn queue(classes: &[Class]) -> (Queue<usize>, Vec<Ticket>) {
        let mut queue = Queue::new();
        let push = |(job, class): (usize, &Class)| queue.push(Nanos(job as u64), *class, None, job);
        let tickets = classes.iter().enumerate().map(push).collect();
        (queue, tickets)
    }

    fn all(mut next: impl FnMut() -> Option<Waiting<usize>>) -> Vec<usize> {
        std::iter::from_fn(|| next().map(|waiting| waiting.job)).collect()
    }

    const MIXED: [Class; 6] =
        [Class::Normal, Class::Bulk, Class::High, Class::Normal, Class::Bulk, Class::High];

    #[test]
    fn the_most_important_class_leaves_first() {
        let (mut queue, _) = queue(&MIXED);
        assert_eq!(all(|| queue.pop(NOW, Order::OldestFirst)), [2, 5, 0, 3, 1, 4]);
        assert!(queue.is_empty());
    }

    #[test]
    fn newest_first_holds_within_a_class() {
        let (mut queue, _) = queue(&MIXED);
        assert_eq!(all(|| queue.pop(NOW, Order::NewestFirst)), [5, 2, 3, 0, 4, 1]);
    }

    #[test]
    fn the_newest_of_the_least_important_class_makes_room() {
        let (mut queue, _) = queue(&MIXED);
        assert_eq!(all(|| queue.pop_less_important(NOW, Class::High)), [4, 1, 3, 0]);
        assert!(queue.pop_less_important(NOW, Class::Bulk).is_none());
    }

    #[test]
    fn who_has_waited_too_long_is_found_in_every_class() {
        let (mut queue, _) = queue(&MIXED);
        assert_eq!(all(|| queue.pop_older(NOW, Nanos(3))), [2, 0, 1]);
    }

    #[test]
    fn a_ticket_is_good_once() {
        let (mut queue, tickets) = queue(&MIXED);
        assert_eq!(queue.remove(NOW, tickets[3]).map(|waiting| waiting.job), Some(3));
        assert!(queue.remove(NOW, tickets[3]).is_none());
        assert_eq!(queue.by_class(), [0, 2, 1, 2]);
        assert_eq!(queue.len(), 5);
    }
}
