//! Which systems a sender may speak for.

/// Systems by id, or by the beginning of an id before a `*`. None named: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

impl Scope {
    /// These; none: all.
    #[must_use]
    pub fn new(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    /// Whether a system is one of them.
    #[must_use]
    #[inline]
    pub fn covers(&self, system_id: &str) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(beginning) => system_id.starts_with(beginning),
                None => *pattern == *system_id,
            })
    }

    /// The systems, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        self.0.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_beginnings() {
        let scope = Scope::new(vec!["db-1".to_owned(), "web-*".to_owned()]);
        for (id, covered) in
            [("db-1", true), ("db-12", false), ("web-", true), ("web-7", true), ("we", false)]
        {
            assert_eq!(scope.covers(id), covered, "{id}");
        }
        assert!(Scope::default().covers("anything"));
    }
}
