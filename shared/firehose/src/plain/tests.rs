use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

fn read<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, Unusual> {
    let mut plain = Plain::new(text)?;
    let value = T::deserialize(&mut plain)?;
    plain.end().map(|()| value)
}

/// JSON as machines write it, and pieces that are nearly so.
fn any_text() -> impl Strategy<Value = String> {
    let scalars = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|is| is.to_string()),
        any::<i32>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        "-?[0-9]{0,2}[.eE]?[0-9+-]{0,2}",
        r#""[a-zé ]{0,20}""#,
        r#""[a-z]{0,3}\\[\\"/bfnrtuxa]?[0-9a-f]{0,4}""#,
        "[tfn][a-z]{0,4}",
    ];
    scalars.prop_recursive(4, 24, 4, |inner| {
        let name = prop_oneof![r#""[a-z]{0,6}""#, r#""\\u0061""#, "[a-z\"]{0,2}"];
        let comma = prop_oneof![8 => Just(","), 1 => Just(" , "), 1 => Just(",,"), 1 => Just(""), 1 => Just(",\n")];
        let members = proptest::collection::vec((name, inner.clone()), 0..4);
        let elements = proptest::collection::vec(inner, 0..4);
        prop_oneof![
            (members, comma.clone()).prop_map(|(members, comma)| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("{{{}}}", members.join(comma))
            }),
            (elements, comma).prop_map(|(elements, comma)| format!("[{}]", elements.join(comma))),
        ]
    })
}

#[test]
fn plain_json_is_read() {
    let text = r#"{"a":[1,-2,0,"x y",true,false,null,{}],"b": {"c":[] } } "#;
    assert_eq!(read::<Value>(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    read::<IgnoredAny>(r#"[{"a\u00e4":"\"\\\/\b\f\n\r\t"}]"#).unwrap();
}

#[test]
fn what_is_not_plain_is_left_to_others() {
    let deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
    for text in [
        "1.0",
        "1e3",
        "01",
        "-0",
        "-",
        "1234567890123456789",
        "\"a",
        "\"\\n\"",
        "[1,]",
        "[1 2]",
        "{\"a\":1,}",
        "[\n]",
        "tru",
        &deep,
    ] {
        assert!(read::<Value>(text).is_err(), "{text:?}");
    }
    for text in [
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12",
        "\"a\\\"",
        "[1}",
        "{1:2}",
        "{\"a\" 1}",
        "[,1]",
        "1.0",
        "nul",
        "\"\u{1}\"",
        &deep,
    ] {
        assert!(read::<IgnoredAny>(text).is_err(), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What is read is read as JSON says, and what is skipped is JSON.
    #[test]
    fn nothing_is_read_in_another_way_than_json_says(text in any_text()) {
        if let Ok(value) = read::<Value>(&text) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
        }
        if read::<IgnoredAny>(&text).is_ok() {
            prop_assert!(serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
        }
    }
}
