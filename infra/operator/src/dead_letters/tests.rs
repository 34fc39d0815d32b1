use queue::Received;

use super::*;

const NOW_MS: i64 = 1_790_000_000_000;

fn received(id: &str, cause: &str, body: &str) -> Received {
    let attributes = [
        ("id", id),
        ("cause", cause),
        ("code", "40007"),
        ("message", "The audience does not exist."),
        ("request_id", "2026112612000001"),
        ("advertiser", "7000000000000000001"),
        ("account", "12"),
        ("firehose_message_id", "1317071d-3342-4e1e-a691-84bd7e762bda"),
    ];
    Received {
        message_id: format!("m-{id}"),
        receipt_handle: String::new(),
        body: body.to_owned(),
        group: id.to_owned(),
        sent_ms: NOW_MS - 7_300_000,
        receive_count: 1,
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

const BODY: &str = r#"{"version":2,"advertiser":"7000000000000000001","account":"12","changed_ms":1789992000000,"rows":[
    {"mpid":"-5","id":["idfa","md5","0ca6a1feca650934a6a80edc68fde56f"],"adds":["71"],"deletes":["72","73"]},
    {"id":["gaid","raw","66b7e5a1-0000-4000-8000-000000000001"],"unmapped_adds":[456]}]}"#;

#[test]
fn letters_are_listed_by_cause_and_connection_and_one_by_one() {
    let moved = Received { attributes: [].into(), group: "7.12.3".to_owned(), ..received("x", "", BODY) };
    let letters: Vec<_> = [
        received("0123456789abcdef", "audience_missing", BODY),
        received("fedcba9876543210", "audience_missing", BODY),
        received("a", "unreadable", "?"),
        moved,
    ]
    .iter()
    .map(Letter::of)
    .collect();
    let report = listed(&Found { letters, elsewhere: 2 }, NOW_MS);
    insta::assert_snapshot!("list", report.text);
    // In whatever order the fields come: that depends on what else is built.
    insta::with_settings!({sort_maps => true}, { insta::assert_json_snapshot!("list-json", report.json) });
    let none = |elsewhere| listed(&Found { letters: Vec::new(), elsewhere }, NOW_MS).text;
    assert_eq!(none(0), "There are no such dead letters.");
    assert!(none(3).starts_with("Not seen: 3 letters"), "{}", none(3));
}

#[test]
fn a_letter_is_shown_whole_with_its_ids_shortened_unless_asked() {
    let received = received("0123456789abcdef", "audience_missing", BODY);
    let letter = Letter::of(&received);
    let short = shown(&letter, BODY, false, NOW_MS);
    insta::assert_snapshot!("shown", short.text);
    assert!(!short.text.contains("0ca6a1f") && !short.json.to_string().contains("0ca6a1f"));
    let full = shown(&letter, BODY, true, NOW_MS);
    assert!(full.text.contains("0ca6a1feca650934a6a80edc68fde56f"));
    insta::with_settings!({sort_maps => true}, { insta::assert_json_snapshot!("shown-json", full.json) });
}

#[test]
fn a_filter_lets_through_what_fits_all_of_it() {
    let letter = Letter::of(&received("0123", "token", BODY));
    let fits = |filter: Filter| letter.fits(&filter);
    assert!(fits(Filter::default()));
    assert!(fits(Filter { id: Some("01".into()), cause: Some("token".into()), ..Filter::default() }));
    assert!(!fits(Filter { id: Some("12".into()), cause: Some("token".into()), ..Filter::default() }));
    assert!(!fits(Filter { cause: Some("tok".into()), ..Filter::default() }));
    assert!(!fits(Filter { account: Some("13".parse().unwrap()), ..Filter::default() }));
    assert!(!fits(Filter { advertiser: Some("8".parse().unwrap()), ..Filter::default() }));
}

#[test]
fn the_beginning_of_an_id_names_one_letter_even_if_it_is_there_twice() {
    let letters = ["01a", "01b", "01b"].map(|id| Letter::of(&received(id, "token", BODY)));
    let begins = Filter { id: Some("01".into()), ..Filter::default() };
    assert_eq!(refuse_several(&letters, &begins).unwrap_err().to_string(), "2 ids begin with 01: say more of it");
    assert!(refuse_several(&letters[1..], &begins).is_ok());
    assert!(refuse_several(&letters, &Filter::default()).is_ok());
}
