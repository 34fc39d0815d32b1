use super::*;

fn line(text: &str, at_ms: i64) -> Line {
    Line::read(text, at_ms, "stream").unwrap()
}

#[test]
fn the_calls_of_a_task_are_those_since_the_task_before_ended() {
    let call = |rows: u64| format!(r#"{{"message":"TikTok took a mapping call","action":"add","rows":{rows}}}"#);
    let settled = format!(r#"{{"message":"{MESSAGES_SETTLED}"}}"#);
    let named = format!(r#"{{"message":"{}","firehose_messages":"f-1=3"}}"#, SETTLED_BY_ID[0]);
    let lines = [&call(1), &settled, &call(2), &call(3), &named, &settled].map(|text| line(text, 4));
    let calls: Vec<_> = task_of(&lines, &lines[4]).iter().filter_map(|line| line.rows).collect();
    assert_eq!(calls, [2, 3], "all in one millisecond");
    assert_eq!(task_of(&lines[..2], &lines[4]).len(), 0);
}

#[test]
fn a_line_names_each_message_with_what_is_settled_of_it() {
    let messages =
        line(&format!(r#"{{"message":"{}","firehose_messages":"f-1=3 f-12=16 f-1=2"}}"#, SETTLED_BY_ID[0]), 1);
    assert_eq!(["f-1", "f-12", "f"].map(|id| settled_of(&messages, id)), [5, 16, 0]);
    let requests = line(&format!(r#"{{"message":"{}","subject_requests":"r-1=2 r-2=1"}}"#, SETTLED_BY_ID[1]), 1);
    assert_eq!(["r-1", "r-2", "f-1"].map(|id| settled_of(&requests, id)), [2, 1, 0]);
}

#[test]
fn what_is_repeated_counts_once_and_each_connection_of_a_request_by_itself() {
    let arrived = |account: u64, messages: u64| {
        let text = format!(
            r#"{{"transport":"http","advertiser":"7","account":"{account}","subject_request_id":"r-1","messages":{messages}}}"#
        );
        line(&text, 1)
    };
    assert_eq!(queued(&[arrived(1, 3), arrived(1, 3), arrived(2, 2)]), 5);
    assert_eq!(queued(&[]), 0);
    assert!(arrived(1, 3).arrived_as("r-1") && !arrived(1, 3).arrived_as("r-2"));
}

#[test]
fn a_message_is_traced_from_its_arrival_to_its_letters() {
    let arrived = r#"{"timestamp":"2026-11-26T12:00:00Z","message":"answered a Firehose message","transport":"http","answer":"ok",
        "advertiser":"7","account":"12","users":40,"changes":80,"messages":16}"#;
    let taken = r#"{"timestamp":"2026-11-26T12:00:01Z","message":"TikTok took a mapping call","action":"add","rows":78,"tiktok_request_id":"2026A"}"#;
    let refused = r#"{"timestamp":"2026-11-26T12:00:02Z","message":"TikTok did not take a mapping call","action":"delete","rows":2,
        "cause":"unavailable","code":50000,"tiktok_message":"Internal error","tiktok_request_id":"2026B"}"#;
    let waiting =
        Waiting { at_ms: 1_795_694_400_000, cause: Some("unavailable".to_owned()), code: None, tiktok_message: None };
    let trace = Trace {
        id: "f-1".to_owned(),
        arrivals: vec![arrival(line(arrived, 0))],
        queued: 16,
        settled: 15,
        calls: vec![call(&line(taken, 0)), call(&line(refused, 0))],
        letters: Vec::new(),
        waiting: Some(waiting),
    };
    insta::assert_snapshot!(text(&trace, 1_795_694_460_000));
    let forgotten = arrived.replace(r#""users":40,"changes":80,"messages":16"#, r#""erasure":"queued","messages":3"#);
    let trace = Trace { arrivals: vec![arrival(line(&forgotten, 0))], queued: 3, settled: 3, waiting: None, ..trace };
    assert!(
        text(&trace, 0).contains("  a request to be forgotten (queued), queued as 3 messages\n3 of 3 queue messages")
    );
}
