//! Every input that the fuzzer found worth keeping, and every finding that was fixed, holds.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on stops, and says where it was")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Gives each file of the target's corpus to `property`; the last one that is printed is the one at fault.
fn check(target: &str, property: fn(&[u8])) {
    let folder = corpora().join(target);
    let files = names(&folder);
    assert!(!files.is_empty(), "{target} has no corpus");
    for file in files {
        println!("tests/fuzz/corpus/{target}/{file}");
        property(&fs::read(folder.join(file)).unwrap());
    }
}

/// A test for each target, and a test that there is a target for each corpus and a corpus for each target.
macro_rules! targets {
    ($($target:ident),*) => {
        $(#[test]
        fn $target() {
            check(stringify!($target), properties::$target);
        })*

        #[test]
        fn each_target_of_the_fuzzer_has_a_corpus_and_is_tested_here() {
            let tested = BTreeSet::from([$(stringify!($target).to_owned()),*]);
            assert_eq!(names(&corpora()), tested);
            let targets = names(&corpora().join("../fuzz_targets"));
            assert_eq!(targets, tested.iter().map(|name| format!("{name}.rs")).collect());
        }
    };
}

targets!(answers, callback, envelope, firehose, record, record_life);
