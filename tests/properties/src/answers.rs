//! TikTok's answers.

use secrecy::{ExposeSecret, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use tiktok::{Advertiser, AdvertiserName, Answer, AudiencePage, Failure, Grant, List, NewAudience, Trace, User, judge};

use crate::SECRET;

/// One that is heard whatever the body says, and others that are not.
const STATUSES: [u16; 4] = [200, 401, 404, 500];

/// Any body of any call, under each status: done only if status and code say so; else a failure that is short, on one line and tells
/// no token and no hash.
pub fn answers(body: &[u8]) {
    for status in STATUSES {
        judged::<IgnoredAny>(status, body);
        judged::<NewAudience>(status, body);
        judged::<List<AdvertiserName>>(status, body);
        judged::<List<Advertiser>>(status, body);
        if let Some(page) = judged::<AudiencePage>(status, body) {
            assert!((1..=20).contains(&page.total_pages));
        }
        if let Some(user) = judged::<User>(status, body) {
            assert!(!format!("{user:?}").contains("display_name"));
        }
        if let Some(grant) = judged::<Grant>(status, body) {
            let is_secret = grant.access_token.expose_secret() == SECRET;
            assert!(!is_secret || !format!("{grant:?}").contains(SECRET));
        }
    }
}

fn judged<T: DeserializeOwned>(status: u16, body: &[u8]) -> Option<T> {
    let token = SecretString::from(SECRET);
    match judge::<T>(status, Trace::default(), body, &[&token]) {
        Ok(Answer { data, trace }) => {
            assert_eq!(status, 200);
            assert_is_presentable(&trace);
            Some(data)
        }
        Err(failure) => {
            assert_tells_little(&failure);
            None
        }
    }
}

fn assert_tells_little(failure: &Failure) {
    assert_is_presentable(&failure.trace);
    let told = format!("{failure} {failure:?}");
    assert!(!told.contains(SECRET) && !told.contains('\n'), "{told}");
    let message = &failure.message;
    assert!(message.chars().count() <= 300, "{message}");
    assert!(!message.contains(char::is_control), "{message:?}");
    let hex_runs = message.split(|letter: char| !letter.is_ascii_hexdigit());
    assert!(hex_runs.map(str::len).all(|digits| digits < 32), "{message}");
}

fn assert_is_presentable(trace: &Trace) {
    let Some(id) = &trace.request_id else { return };
    assert!(id.len() <= 100 && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?}");
    assert!(!id.contains(SECRET), "{id}");
}
