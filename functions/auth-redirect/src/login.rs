//! Whose login it was, as the page shows it: enough to recognize it, and no more.

use tiktok::User;

/// Longer names are cut: anybody can write anything there.
const MAX_NAME_CHARS: usize = 80;

/// The TikTok user who authorized. In the page only; never logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// As the person typed it, in any script; empty where TikTok has none.
    pub(crate) name: String,
    /// Masked; empty where TikTok has none.
    pub(crate) email: String,
}

impl Login {
    pub(crate) fn of(user: &User) -> Self {
        Self { name: on_one_line(&user.display_name), email: masked(&user.email) }
    }
}

/// `ada@example.com` as `a•••@example.com`. What is no address is hidden but for its first letter.
fn masked(email: &str) -> String {
    let email = on_one_line(email);
    let Some(first) = email.chars().next().filter(|first| *first != '@') else { return String::new() };
    let domain = email.rsplit_once('@').map(|(_, domain)| format!("@{domain}")).unwrap_or_default();
    format!("{first}•••{domain}")
}

fn on_one_line(text: &str) -> String {
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    visible.take(MAX_NAME_CHARS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_first_letter_and_its_domain() {
        let table = [
            ("ada@example.com", "a•••@example.com"),
            ("\"a@b\"@example.com", "\"•••@example.com"),
            ("a***@example.com", "a•••@example.com"),
            ("ünal@example.com", "ü•••@example.com"),
            ("no address", "n•••"),
            ("@example.com", ""),
            ("", ""),
            ("\u{7}a@example.com", "a•••@example.com"),
        ];
        for (email, shown) in table {
            assert_eq!(masked(email), shown, "{email}");
        }
    }

    #[test]
    fn a_name_is_kept_short_and_on_one_line() {
        assert_eq!(on_one_line("Ada\nAdmin\u{0}"), "Ada Admin");
        assert_eq!(on_one_line(&"x".repeat(1_000)).chars().count(), MAX_NAME_CHARS);
    }
}
