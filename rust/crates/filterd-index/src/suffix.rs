//! Public suffixes, from the list compiled into crate `psl`.

use psl::Type;

/// Says whether `name` (lower case, no trailing dot) is itself a public suffix of the ICANN
/// section, such as `com` or `edu.vn`. Any single label is one, and so is the root.
pub fn public_suffix(name: &str) -> bool {
    is_suffix(name.as_bytes())
}

pub(crate) fn is_suffix(name: &[u8]) -> bool {
    if !name.contains(&b'.') {
        return true;
    }
    match psl::suffix(name) {
        Some(suffix) => suffix.typ() == Some(Type::Icann) && suffix.as_bytes().len() == name.len(),
        None => false,
    }
}
