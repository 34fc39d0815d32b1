//! What a stranger's browser sends to `GET /v1/auth`.

use auth_redirect::{Callback, Query};
use secrecy::ExposeSecret;
use url::form_urlencoded;

use crate::SECRET;

/// Any query: a code that is exchanged came once, is one that TikTok could have made, reads back as it was, and is in no `Debug` output.
pub fn callback(query: &[u8]) {
    let Ok(query) = str::from_utf8(query) else { return };
    let asked = Query::read(query);
    assert!(!format!("{asked:?}").contains(SECRET));
    let Query::Token(Callback { code, state }) = asked else { return };
    let (code, state) = (code.expose_secret(), state.expose_secret());
    assert!((1..=512).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(state.len() <= 512 && !state.contains(char::is_control));

    let sent: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let named =
        |wanted: &str| sent.iter().filter(|(name, _)| name == wanted).map(|(_, value)| &**value).collect::<Vec<_>>();
    assert_eq!(named("auth_code"), [code]);
    assert!(named("state").len() <= 1);
    assert!(named("error").iter().all(|error| error.is_empty()));

    let again = form_urlencoded::Serializer::new(String::new())
        .append_pair("state", state)
        .append_pair("auth_code", code)
        .finish();
    let Query::Token(again) = Query::read(&again) else { panic!("{again} is a callback as well") };
    assert_eq!((again.code.expose_secret(), again.state.expose_secret()), (code, state));
}
