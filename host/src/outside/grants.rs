//! What an operator lets one action reach. Nothing is granted that is not written.

use lettre::Address;
use serde::{Deserialize, Serialize};
use url::Url;

use super::host_grant::HostGrant;
use crate::limits::{GRANTS_MAX, NAME_BYTES_MAX};

/// What an action may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Hosts that it may send requests to.
    pub hosts: Vec<HostGrant>,
    /// Names of secrets that it may read and sign with.
    pub secrets: Vec<String>,
    /// Whom it may write to: `oncall@example.com`, or `@example.com` for everybody there.
    pub mail: Vec<String>,
    /// Whether it may read what the host keeps of systems.
    pub history: bool,
}

impl Grants {
    /// Everything that is wrong, each in a sentence that begins with `place`, such as `actions.page.grants`.
    #[must_use]
    pub fn problems(&self, place: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let lengths =
            [("hosts", self.hosts.len()), ("secrets", self.secrets.len()), ("mail", self.mail.len())];
        for (field, length) in lengths {
            if length > GRANTS_MAX {
                problems
                    .push(format!("{place}.{field} has {length} entries, at most {GRANTS_MAX} are allowed"));
            }
        }
        for (at, name) in self.secrets.iter().enumerate() {
            if name.is_empty() || name.len() > NAME_BYTES_MAX {
                problems.push(format!(
                    "{place}.secrets[{at}] has {} bytes, from 1 to {NAME_BYTES_MAX} are expected",
                    name.len()
                ));
            }
        }
        for (at, granted) in self.mail.iter().enumerate() {
            // A domain is one where an address in it is one.
            let address = if granted.starts_with('@') { format!("a{granted}") } else { granted.clone() };
            if address.parse::<Address>().is_err() {
                problems.push(format!(
                    "{place}.mail[{at}] is {granted:?}, expected an address such as \"oncall@example.com\" \
                     or a domain such as \"@example.com\""
                ));
            }
        }
        problems
    }

    /// The grant for requests to `url`: one for internal names if there is one, since it reaches furthest.
    #[must_use]
    pub fn host(&self, url: &Url) -> Option<&HostGrant> {
        let mut covering = self.hosts.iter().filter(|grant| grant.covers(url));
        let first = covering.next()?;
        if first.is_internal() {
            Some(first)
        } else {
            covering.find(|grant| grant.is_internal()).or(Some(first))
        }
    }

    /// Whether the secret of this name is granted.
    #[must_use]
    pub fn secret(&self, name: &str) -> bool {
        self.secrets.iter().any(|granted| granted == name)
    }

    /// Whether mail to this address is granted. Upper and lower case are the same.
    #[must_use]
    pub fn recipient(&self, address: &Address) -> bool {
        self.mail.iter().any(|granted| match granted.strip_prefix('@') {
            Some(domain) => domain.eq_ignore_ascii_case(address.domain()),
            None => granted.eq_ignore_ascii_case(address.as_ref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_from_a_configuration() {
        let grants: Grants = toml::from_str(
            r#"hosts = ["hooks.example.com", "internal:http://relay.lan"]
               secrets = ["hook"]
               mail = ["@example.com"]
               history = true"#,
        )
        .unwrap();
        assert_eq!(grants.problems("here"), Vec::<String>::new());
        assert_eq!(grants.hosts.len(), 2);
        assert_eq!(toml::from_str::<Grants>("").unwrap(), Grants::default());
        let error = toml::from_str::<Grants>("host = []").unwrap_err().to_string();
        assert!(error.contains("unknown field `host`"), "{error}");
        let error = toml::from_str::<Grants>(r#"hosts = ["*.com"]"#).unwrap_err().to_string();
        assert!(error.contains("top-level domain"), "{error}");
    }

    #[test]
    fn names_what_is_wrong() {
        let grants = Grants {
            secrets: vec![String::new()],
            mail: vec!["@".to_owned(), "a@b.example".to_owned(), "nobody".to_owned()],
            ..Grants::default()
        };
        let problems = grants.problems("actions.page.grants");
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].starts_with("actions.page.grants.secrets[0] has 0 bytes"), "{problems:?}");
        assert!(problems[1].starts_with("actions.page.grants.mail[0] is \"@\""), "{problems:?}");
        assert!(problems[2].starts_with("actions.page.grants.mail[2] is \"nobody\""), "{problems:?}");
    }

    #[test]
    fn recipients_are_matched_whole() {
        let grants = Grants {
            mail: vec!["oncall@example.com".to_owned(), "@db.example".to_owned()],
            ..Grants::default()
        };
        let table = [
            ("oncall@example.com", true),
            ("OnCall@Example.com", true),
            ("other@example.com", false),
            ("anyone@db.example", true),
            ("anyone@DB.example", true),
            ("anyone@sub.db.example", false),
            ("anyone@evildb.example", false),
        ];
        for (text, expected) in table {
            assert_eq!(grants.recipient(&text.parse().unwrap()), expected, "{text}");
        }
    }
}
