//! `!#if` of uBlock Origin and AdGuard lists: which lines are meant for somebody else.
//!
//! No token (`env_firefox`, `cap_html_filtering`, `ext_ublock` and so on) is true of a proxy, so
//! `!#if !env_mobile` holds and `!#if env_chromium` does not. A condition that does not read holds
//! in neither branch.

const DEEPEST: usize = 16; // nested conditions; deeper ones do not hold

/// Whether the lines of a list count, directive by directive.
#[derive(Default)]
pub(crate) struct Conditions {
    open: Vec<Option<bool>>,
    lost: usize, // open conditions beyond the deepest
}

impl Conditions {
    /// Reads a comment line; returns whether it was one of these directives.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        if let Some(condition) = line.strip_prefix("!#if ") {
            if self.open.len() == DEEPEST {
                self.lost += 1;
            } else {
                self.open.push(holds(condition));
            }
        } else if line.starts_with("!#else") {
            if self.lost == 0 {
                if let Some(last) = self.open.last_mut() {
                    *last = last.map(|held| !held);
                }
            }
        } else if line.starts_with("!#endif") {
            if self.lost > 0 {
                self.lost -= 1;
            } else {
                self.open.pop();
            }
        } else {
            return false;
        }
        true
    }

    /// Whether a line here is meant for us.
    pub(crate) fn hold(&self) -> bool {
        self.lost == 0 && self.open.iter().all(|each| *each == Some(true))
    }
}

/// `a && !b || c`, every token false. None: it does not read.
fn holds(condition: &str) -> Option<bool> {
    let mut any = false;
    for part in condition.split("||") {
        let mut all = true;
        for word in part.split("&&") {
            let word = word.trim();
            let bare = word.strip_prefix('!').unwrap_or(word);
            let token = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if bare.is_empty() || !bare.chars().all(token) {
                return None;
            }
            let value = bare == "true"; // and `false`, as any other token, is false
            all &= value != (bare.len() < word.len());
        }
        any |= all;
    }
    Some(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_false() {
        assert_eq!(holds("env_firefox"), Some(false));
        assert_eq!(holds("!env_mobile && !cap_x"), Some(true));
        assert_eq!(holds("env_a || !env_b"), Some(true));
        assert_eq!(holds("(env_a || !env_b) && c"), None);
        assert_eq!(holds("true"), Some(true));
    }

    #[test]
    fn branches_nest() {
        let mut conditions = Conditions::default();
        let mut seen = String::new();
        let text = "!#if !env_a\n1\n!#if env_b\n2\n!#else\n3\n!#endif\n!#else\n4\n!#endif\n5\n\
                    !#endif\n6\n!#if (\n7\n!#else\n8\n!#endif";
        for line in text.lines() {
            if !conditions.read(line) && conditions.hold() {
                seen.push_str(line);
            }
        }
        assert_eq!(seen, "1356");
    }

    #[test]
    fn too_deep_does_not_hold_and_comes_back() {
        let mut conditions = Conditions::default();
        for _ in 0..20 {
            assert!(conditions.read("!#if !env_a"));
        }
        assert!(!conditions.hold());
        for _ in 0..20 {
            assert!(conditions.read("!#endif"));
        }
        assert!(conditions.hold());
    }
}
