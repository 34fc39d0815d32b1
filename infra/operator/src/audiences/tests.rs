use super::*;

#[test]
fn audiences_are_told_with_their_size_state_and_owner() {
    let rows = r#"[
        {"audience_id":"71","name":"Summer sale [mp-12-456]","cover_num":61200,"expired_time":"2027-11-26 12:00:00"},
        {"audience_id":"72","name":"Lapsed [mp-13-457]","cover_num":900,"is_valid":false,"is_expiring":true},
        {"audience_id":"73","name":"Somebody's own","is_valid":false},
        {"audience_id":"74","name":"Old [mp-12-458]","is_valid":false,"expired_time":"2025-11-26 12:00:00"}]"#;
    let rows: Vec<Audience> = serde_json::from_str(rows).unwrap();
    let mut audiences: Vec<_> = rows.iter().map(|row| shown(row, 50_000, 1_790_000_000_000)).collect();
    audiences.sort_by_key(|audience| (audience.account.is_none(), audience.account, audience.audience));
    let all = Audiences {
        advertiser: "7".parse().unwrap(),
        total: 4,
        most: MAX_AUDIENCES,
        minimum_users: 50_000,
        list: audiences,
    };
    insta::assert_snapshot!("audiences", text(&all));
    insta::assert_json_snapshot!("audiences-json", all);
}
