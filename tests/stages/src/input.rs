//! Membership messages as mParticle writes them.

use std::fmt::Write as _;

use anyhow::Result;

/// Users of all messages together: what an uploader may have in hand of a connection.
pub(crate) const USERS: u32 = 1_000;

/// Messages of `users` users each. Each user has 4 identities and 1 or 2 audiences. Of 10 users one takes back what the one before him did,
/// of 20 one has refused tracking, and of 20 one has an id that mParticle hashed.
pub(crate) fn messages(users: u32) -> Result<Vec<Vec<u8>>> {
    let mut first = 0;
    let mut messages = Vec::new();
    while first < USERS {
        let last = (first + users).min(USERS);
        messages.push(message(first..last)?.into_bytes());
        first = last;
    }
    Ok(messages)
}

fn message(users: std::ops::Range<u32>) -> Result<String> {
    let mut text = String::from(concat!(
        r#"{"type":"audience_membership_change_request","id":"1317071d-3342-4e1e-a691-84bd7e762bda","#,
        r#""timestamp_ms":1714592744065,"firehose_version":"3.2.0","account":{"account_id":123456,"account_settings":"#,
        r#"{"TikTok Account Id":"7000000000000000001","TikTok Access Token":"4fcd05f0cd0dbb7a5b4dbd9a3f4fca05cd0dbb7a"}},"#,
        r#""user_profiles":["#
    ));
    let first = users.start;
    for number in users {
        if number > first {
            text.push(',');
        }
        user(&mut text, number)?;
    }
    text.push_str("]}");
    Ok(text)
}

fn user(text: &mut String, number: u32) -> Result<()> {
    let repeats = number % 10 == 9;
    let person = if repeats { number - 1 } else { number };
    let apple = match number % 20 {
        3 => r#""raw","value":"00000000-0000-0000-0000-000000000000""#.to_owned(),
        5 => format!(r#""md5","value":"C2A5F3B04D19E687AB35FD10{person:08X}""#),
        _ => format!(r#""raw","value":"66B728C2-F9A4-4D87-82EF-{person:012X}""#),
    };
    write!(
        text,
        concat!(
            r#"{{"user_identities":[{{"type":"email","encoding":"sha256","value":"e179e95c00e7718ab4a23840f992ea63e179e95c00e7718ab4a2{n:012x}"}}],"#,
            r#""device_identities":[{{"type":"ios_advertising_id","encoding":{apple}}},"#,
            r#"{{"type":"ios_vendor_id","encoding":"raw","value":"97B826C2-AB80-4876-A184-{n:012X}"}},"#,
            r#"{{"type":"google_advertising_id","encoding":"raw","value":"31a22ef0-f119-48d4-b009-{n:012x}"}}],"#,
            r#""partner_identities":[],"audiences":[{{"audience_id":456,"audience_name":"New Users Low Engagement","#,
            r#""audience_subscription_settings":{{"tiktokAudienceId":"7123456789012345678"}},"action":"{action}"}}"#
        ),
        apple = apple,
        n = person,
        action = if repeats { "delete" } else { "add" },
    )?;
    if number % 2 == 1 {
        text.push_str(concat!(
            r#",{"audience_id":654,"audience_name":"Cart Abandoners","#,
            r#""audience_subscription_settings":{"tiktokAudienceId":"7123456789012345679"},"action":"delete"}"#
        ));
    }
    write!(text, r#"],"mpid":"-73462446110129{person:05}"}}"#)?;
    Ok(())
}
