//! The settings of this integration as they come back from mParticle: in maps from text to text.
//!
//! mParticle registers a setting with an id and a name; either may be the key, and the id is preferred. People paste the values.

use std::borrow::Cow;

use crate::json::Scalar;

/// A setting as it is registered with mParticle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// What programs call it.
    pub id: &'static str,
    /// What people read.
    pub name: &'static str,
}

/// The advertiser whose audiences are fed.
pub const ACCOUNT_ID: Setting = Setting { id: "tiktokAccountId", name: "TikTok Account Id" };
/// The token that opens the advertiser's account.
pub const ACCESS_TOKEN: Setting = Setting { id: "tiktokAccessToken", name: "TikTok Access Token" };
/// The hidden setting of a subscription that holds TikTok's audience.
pub const AUDIENCE_ID: Setting = Setting { id: "tiktokAudienceId", name: "TikTok Audience Id" };

/// The setting of a subscription by which the customer lets e-mail addresses be sent for an audience.
pub const SEND_EMAIL: Setting = Setting { id: "sendEmail", name: "Send Email" };

/// The values under a setting's id and under its name.
#[derive(Default)]
pub(crate) struct Given<'a> {
    pub(crate) by_id: Scalar<'a>,
    pub(crate) by_name: Scalar<'a>,
}

impl<'a> Given<'a> {
    /// The value, cleaned; the one under the id if both say something. `None` if neither does.
    pub(crate) fn value(self) -> Option<Cow<'a, str>> {
        [self.by_id, self.by_name].into_iter().filter_map(Scalar::into_text).map(cleaned).find(|text| !text.is_empty())
    }
}

/// What a setting of the type `boolean` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Switch {
    /// Nothing: it has its default.
    #[default]
    Unset,
    /// Yes or no.
    Set(bool),
    /// Anything else.
    Odd,
}

impl Given<'_> {
    /// The value as a boolean, in whatever case it is written; the one under the id if both say something.
    pub(crate) fn switch(self) -> Switch {
        let said = [self.by_id, self.by_name].into_iter().map(Switch::of);
        said.into_iter().find(|switch| *switch != Switch::Unset).unwrap_or_default()
    }
}

impl Switch {
    fn of(value: Scalar<'_>) -> Self {
        match value {
            Scalar::Bool(is) => Self::Set(is),
            Scalar::Null => Self::Unset,
            Scalar::Integer(_) | Scalar::Large(_) | Scalar::Other => Self::Odd,
            Scalar::Text(text) => match &*cleaned(text).to_ascii_lowercase() {
                "" => Self::Unset,
                "true" => Self::Set(true),
                "false" => Self::Set(false),
                _ => Self::Odd,
            },
        }
    }
}

/// A pasted value without what comes along by accident: invisible characters anywhere, white space and quotes around it.
fn cleaned(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return text;
    }
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    Cow::Owned(visible.trim_matches(|c: char| c.is_whitespace() || is_quote(c)).to_owned())
}

/// Zero-width characters, marks of direction, soft hyphens, the byte order mark, NUL.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\0' | '\u{ad}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fffd}'
    )
}

const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '´' | '«' | '»' | '\u{2018}'..='\u{201f}' | '\u{2039}' | '\u{203a}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_under_its_id_wins() {
        let text = |text| Scalar::Text(Cow::Borrowed(text));
        let table = [
            (text("false"), Scalar::Bool(true), Switch::Set(false)),
            (Scalar::Bool(true), text("false"), Switch::Set(true)),
            (text(" "), Scalar::Bool(true), Switch::Set(true)),
            (Scalar::Null, text("TRUE "), Switch::Set(true)),
            (Scalar::Integer(1), text("true"), Switch::Odd),
            (Scalar::Null, Scalar::Null, Switch::Unset),
        ];
        for (place, (by_id, by_name, switch)) in table.into_iter().enumerate() {
            assert_eq!(Given { by_id, by_name }.switch(), switch, "{place}");
        }
    }

    #[test]
    fn what_comes_along_when_a_value_is_pasted_is_left_out() {
        for pasted in [
            "abc",
            "\u{feff}abc\r\n",
            " \u{200b}\"abc\"\u{a0}",
            "\u{201c}abc\u{201d}",
            "' \"a\u{200d}bc` '\t",
            "«abc»",
            "\u{202a}abc\u{202c}",
        ] {
            assert_eq!(cleaned(Cow::Borrowed(pasted)), "abc", "{pasted:?}");
        }
        assert_eq!(cleaned(Cow::Borrowed("a b\"c")), "a b\"c", "what stands inside is for the person to correct");
        assert_eq!(cleaned(Cow::Borrowed("\u{200b}\"\" ")), "");
    }
}
