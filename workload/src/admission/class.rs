//! How important a request is.

/// Classes of requests, the most important first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Critical,
    High,
    #[default]
    Normal,
    Bulk,
}

impl Class {
    pub(crate) const COUNT: usize = 4;
    #[cfg(test)]
    pub(crate) const ALL: [Self; Self::COUNT] = [Self::Critical, Self::High, Self::Normal, Self::Bulk];

    /// The class a header names; what is no class is normal.
    pub(crate) fn named(text: &[u8]) -> Self {
        let names: [(&[u8], Self); 3] =
            [(b"critical", Self::Critical), (b"high", Self::High), (b"bulk", Self::Bulk)];
        let named = names.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        named.map_or(Self::Normal, |(_, class)| class)
    }

    /// The next less important one, if there is one.
    pub(crate) fn lower(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Normal,
            Self::Normal | Self::Bulk => Self::Bulk,
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("critical", Class::Critical)]
    #[case("High", Class::High)]
    #[case("normal", Class::Normal)]
    #[case("bulk", Class::Bulk)]
    #[case("urgent", Class::Normal)]
    #[case("", Class::Normal)]
    fn an_unknown_class_is_normal(#[case] name: &str, #[case] class: Class) {
        assert_eq!(Class::named(name.as_bytes()), class);
    }

    #[test]
    fn the_index_is_the_place_among_all() {
        assert!(Class::ALL.iter().enumerate().all(|(place, class)| class.index() == place));
    }
}
