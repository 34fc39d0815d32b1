//! The binary: what it prints where there is no stack, and how it ends.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::process::{Command, Output};

fn operator(arguments: &[&str]) -> Output {
    // Nothing of the machine's own AWS settings is used.
    Command::new(env!("CARGO_BIN_EXE_operator")).args(arguments).env_clear().output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn without_a_stack_it_says_in_one_line_how_to_name_one() {
    for (arguments, said) in [
        (&["status"][..], "which stack?"),
        (&["--stack", "no/such/stack.json", "status"], "no/such/stack.json"),
        (&["status", "--stack", "no/such/stack.json", "--json"], "no/such/stack.json"),
    ] {
        let output = operator(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        let told = text(&output.stderr);
        assert!(told.contains(said) && told.trim_end().lines().count() == 1, "{arguments:?}: {told}");
    }
}

#[test]
fn its_help_names_every_command() {
    let output = operator(&["--help"]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    for command in ["status", "dead-letters", "audiences", "trace", "token", "forget", "firehose-token", "check"] {
        assert!(help.contains(command), "{command}: {help}");
    }
}

#[test]
fn an_empty_id_which_every_letter_begins_with_is_refused() {
    for command in [&["dead-letters", "redrive", "--id", "", "--yes"][..], &["dead-letters", "show", ""]] {
        let output = operator(command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(text(&output.stderr).contains("a value is required"), "{command:?}: {}", text(&output.stderr));
    }
}
