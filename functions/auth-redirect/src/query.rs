//! What the browser asks for, read from the query string. All of it is a stranger's: bounded, and never repeated in a page.

use std::borrow::Cow;

use secrecy::SecretString;
use url::form_urlencoded;

/// TikTok's codes have 40 characters.
const MAX_CODE_CHARS: usize = 512;
/// Ours have 32 characters.
const MAX_STATE_CHARS: usize = 512;
/// API Gateway takes 10 KB of request line and headers together.
const MAX_QUERY_BYTES: usize = 8 * 1024;

/// What a request asks for.
#[derive(Debug)]
pub enum Query {
    /// The page with the button.
    StartPage,
    /// To be sent to TikTok with a fresh `state`.
    Authorize,
    /// The page that says that the token was shown.
    Shown,
    /// A token, in exchange for what TikTok sent back.
    Token(Callback),
    /// To hear what to do after a consent that was refused or broken off.
    NotFinished,
    /// Something that TikTok never sends.
    Damaged,
}

/// What TikTok sends back after a consent.
#[derive(Debug)]
pub struct Callback {
    /// Works once, for an hour.
    pub code: SecretString,
    /// Ties the answer to the question. Private to the browser, so nobody logs it.
    pub state: SecretString,
}

/// A parameter: not there, there, or there more than once.
#[derive(Default)]
enum Parameter<'a> {
    #[default]
    Absent,
    Once(Cow<'a, str>),
    Repeated,
}

impl<'a> Parameter<'a> {
    fn put(&mut self, value: Cow<'a, str>) {
        *self = match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Its value unless it is empty, or an error if there are several.
    fn value(self) -> Result<Option<Cow<'a, str>>, ()> {
        match self {
            Self::Absent => Ok(None),
            Self::Once(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Self::Repeated => Err(()),
        }
    }
}

impl Query {
    /// Reads the part of the address after the question mark.
    #[must_use]
    pub fn read(query: &str) -> Self {
        if query.len() > MAX_QUERY_BYTES {
            return Self::Damaged;
        }
        let (mut code, mut state) = (Parameter::default(), Parameter::default());
        let (mut refused, mut begin, mut shown, mut called_back) = (false, false, false, false);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "auth_code" => code.put(value),
                "state" => state.put(value),
                "error" => refused |= !value.is_empty(),
                "code" | "id" => called_back = true,
                "start" => begin = true,
                "shown" => shown = true,
                _ => {}
            }
        }
        called_back |= refused || !code.is_absent() || !state.is_absent();
        match (called_back, begin, shown) {
            (true, ..) if !is_encoded(query) => Self::Damaged,
            (true, ..) if refused => Self::NotFinished,
            (true, ..) => Self::callback(code, state).unwrap_or(Self::Damaged),
            (false, true, _) => Self::Authorize,
            (false, false, true) => Self::Shown,
            (false, false, false) => Self::StartPage,
        }
    }

    fn callback(code: Parameter<'_>, state: Parameter<'_>) -> Result<Self, ()> {
        let (code, state) = (code.value()?, state.value()?.unwrap_or_default());
        if state.len() > MAX_STATE_CHARS || state.chars().any(is_never_of_a_state) {
            return Err(());
        }
        let Some(code) = code else { return Ok(Self::NotFinished) };
        if code.len() > MAX_CODE_CHARS || !code.bytes().all(is_of_a_code) {
            return Err(());
        }
        Ok(Self::Token(Callback {
            code: SecretString::from(code.into_owned()),
            state: SecretString::from(state.into_owned()),
        }))
    }
}

/// TikTok's codes are hex. Other letters may come one day; brackets and quotes would only make a firewall of TikTok's refuse the call,
/// which looks like a fault of the operator's.
const fn is_of_a_code(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
}

/// The published constant may be any words; nobody publishes markup or JSON.
fn is_never_of_a_state(letter: char) -> bool {
    letter.is_control() || "<>{}\"\\^`|".contains(letter)
}

/// Whether a query is one that a browser or TikTok makes (RFC 3986).
fn is_encoded(query: &str) -> bool {
    let mut bytes = query.bytes();
    while let Some(byte) = bytes.next() {
        let allowed = match byte {
            b'%' => {
                [bytes.next(), bytes.next()].iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte),
        };
        if !allowed {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn kind(query: &str) -> &'static str {
        match Query::read(query) {
            Query::StartPage => "start",
            Query::Authorize => "begin",
            Query::Shown => "shown",
            Query::Token(_) => "token",
            Query::NotFinished => "not finished",
            Query::Damaged => "damaged",
        }
    }

    #[test]
    fn every_address_has_its_meaning() {
        let long = format!("auth_code={}", "x".repeat(513));
        let longer = "y".repeat(9000);
        let table = [
            ("", "start"),
            ("utm_source=mail", "start"),
            ("start=1", "begin"),
            ("shown=1", "shown"),
            ("auth_code=abc&state=s", "token"),
            ("auth_code=abc&code=abc&state=s&id=7&shown=1", "token"),
            ("auth_code=abc", "token"),
            ("auth_code=abc&error=", "token"),
            ("error=access_denied&state=s", "not finished"),
            ("auth_code=abc&error=access_denied", "not finished"),
            ("state=s", "not finished"),
            ("auth_code=&state=s", "not finished"),
            ("code=abc", "not finished"),
            ("auth_code=a&auth_code=a", "damaged"),
            ("auth_code=a&state=s&state=t", "damaged"),
            ("auth_code=a%20b", "damaged"),
            ("auth_code=%00", "damaged"),
            ("auth_code=%3Cscript%3E&state=s", "damaged"),
            ("state=<b>", "damaged"),
            ("state={\"a\":1}", "damaged"),
            ("state=%3Cb%3E", "damaged"),
            ("state=%7B%22a%22:1%7D&auth_code=a", "damaged"),
            ("state=an%20own%20word&auth_code=a", "token"),
            ("state=%", "damaged"),
            ("state=%zz", "damaged"),
            ("auth_code=a&state=ü", "damaged"),
            ("utm=<b>", "start"),
            ("auth_code=%F0%9F%A6%80", "damaged"),
            (&long, "damaged"),
            (&longer, "damaged"),
        ];
        for (query, meaning) in table {
            assert_eq!(kind(query), meaning, "{query}");
        }
    }

    #[test]
    fn debug_output_holds_neither_code_nor_state() {
        let asked = format!("{:?}", Query::read("auth_code=s3cr3t&state=als0"));
        assert!(!asked.contains("s3cr3t") && !asked.contains("als0"), "{asked}");
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in "\\PC{0,200}") {
            drop(Query::read(&query));
        }

        #[test]
        fn a_code_and_a_state_come_out_as_they_went_in(code in "[-A-Za-z0-9_.~+/=]{1,512}", state in "[\\pL\\pN _.~-]{0,100}", noise in "[a-z]{1,3}") {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("state", &state)
                .append_pair(&format!("x{noise}"), &code)
                .append_pair("auth_code", &code)
                .finish();
            let Query::Token(callback) = Query::read(&query) else { return Err(TestCaseError::fail("not a callback")) };
            prop_assert_eq!(callback.code.expose_secret(), code);
            prop_assert_eq!(callback.state.expose_secret(), state);
        }

        #[test]
        fn a_repeated_code_is_never_exchanged(code in "[a-z]{0,9}", other in "[a-z]{0,9}", between in "(&[a-d]=[a-z]{0,3}){0,4}") {
            let query = format!("auth_code={code}{between}&auth_code={other}");
            prop_assert!(matches!(Query::read(&query), Query::Damaged));
        }
    }
}
