//! Which questions plain forwarding may answer: all but those for names that Python keeps.

use std::collections::HashSet;

use crate::hash::Secret;
use crate::rdata::name_to_wire;

/// Names whose subtrees are not for plain forwarding: local records, special names, zones with
/// servers of their own.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// Wire form, lower case, with the root byte.
    kept: HashSet<Box<[u8]>, Secret>,
    /// The last labels of `kept`: most names end in another, and need one look.
    ends: HashSet<Box<[u8]>, Secret>,
}

impl Routes {
    /// Read a JSON list of names: "school.example", "" for the root.
    ///
    /// # Errors
    /// Words for a person, for what is no list of names.
    pub fn read(json: &str) -> Result<Self, String> {
        let names: Vec<String> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let mut routes = Self::default();
        for name in &names {
            let wire = name_to_wire(name)?.into_boxed_slice();
            if let Some(end) = suffixes(&wire).last() {
                routes.ends.insert(end.into());
            }
            routes.kept.insert(wire);
        }
        Ok(routes)
    }

    /// Whether `qname` (wire form, lower case) lies in none of the subtrees.
    #[must_use]
    pub fn is_plain(&self, qname: &[u8]) -> bool {
        if self.kept.is_empty() {
            return true;
        }
        if self.kept.contains(&[0][..]) {
            return false;
        }
        match suffixes(qname).last() {
            Some(end) if self.ends.contains(end) => {}
            _ => return true,
        }
        !suffixes(qname).any(|suffix| self.kept.contains(suffix))
    }
}

/// The name itself, what is left without its first label, and so on; not the root.
fn suffixes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let whole = rest;
        let length = usize::from(*whole.first()?);
        if length == 0 {
            return None;
        }
        rest = whole.get(1 + length..)?;
        Some(whole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(kept: &str, name: &str) -> bool {
        let routes = Routes::read(kept).expect("names");
        routes.is_plain(&name_to_wire(name).expect("a name"))
    }

    #[test]
    fn subtrees_are_kept_and_their_parents_and_siblings_are_not() {
        let kept = r#"["school.example", "Home.Arpa", "test"]"#;
        for name in [
            "school.example",
            "www.school.example",
            "home.arpa",
            "test",
            "a.b.test",
        ] {
            assert!(!plain(kept, name), "{name}");
        }
        for name in [
            "example",
            "other.example",
            "oldschool.example",
            "arpa",
            "test.example",
            "",
        ] {
            assert!(plain(kept, name), "{name}");
        }
    }

    #[test]
    fn nothing_kept_and_everything_kept() {
        assert!(plain("[]", "www.example"));
        assert!(plain("[]", ""));
        assert!(!plain(r#"[""]"#, "www.example"));
        assert!(!plain(r#"[""]"#, ""));
    }

    #[test]
    fn what_is_no_list_of_names_is_refused() {
        for json in ["", "{}", "[1]", r#"["a..b"]"#] {
            assert!(Routes::read(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn the_same_as_by_text(
            kept in prop::collection::vec("[a-c]{1,2}(\\.[a-c]{1,2}){0,3}", 0..8),
            name in "[a-c]{1,2}(\\.[a-c]{1,2}){0,5}",
        ) {
            let json = serde_json::to_string(&kept).expect("json");
            let inside = |zone: &String| name == *zone || name.ends_with(&format!(".{zone}"));
            prop_assert_eq!(plain(&json, &name), !kept.iter().any(inside));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let routes = Routes::read(r#"["a.b", "c"]"#).expect("names");
            let named = |name: &[u8]| bytes.windows(name.len()).any(|part| part == name);
            prop_assert!(routes.is_plain(&bytes) || named(b"\x01c") || named(b"\x01a\x01b"));
        }
    }
}
