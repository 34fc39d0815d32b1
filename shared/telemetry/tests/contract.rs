//! The functions emit what the contract says and nothing else, and the README lists it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use telemetry::contract::{FUNCTIONS, Kind, METRICS, Metric};

/// A metric as a source file emits it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Emitted {
    name: String,
    is_counter: bool,
    labels: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
    found
}

/// The texts between the parenthesis after each `opening` and the one that closes it.
fn calls<'a>(source: &'a str, opening: &'a str) -> impl Iterator<Item = &'a str> {
    source.split(opening).skip(1).map(|rest| {
        let mut depth = 1;
        let end = rest.find(|character| {
            depth += match character {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        rest.split_at(end.unwrap()).0
    })
}

/// The first text in quotes.
fn quoted(text: &str) -> Option<String> {
    text.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()).map(str::to_owned)
}

fn emitted(source: &str) -> Vec<Emitted> {
    let mut found = Vec::new();
    for (opening, is_counter) in [("metrics::counter!(", true), ("metrics::gauge!(", false)] {
        for call in calls(source, opening) {
            let Some(name) = quoted(call) else {
                // The one way round: a function `count(name, by)` in the same file, whose callers are read instead.
                assert!(call == "name" && source.contains("fn count(name: &'static str,"), "metrics::counter!({call})");
                continue;
            };
            let labels = call.split("=>").map(|before| before.rsplit('"').nth(1).unwrap_or_default().to_owned());
            let labels = labels.take(call.matches("=>").count()).collect();
            found.push(Emitted { name, is_counter, labels });
        }
    }
    if source.contains("fn count(name: &'static str,") {
        let named = calls(source, " count(").filter_map(quoted);
        found.extend(named.map(|name| Emitted { name, is_counter: true, labels: BTreeSet::new() }));
    }
    found
}

#[test]
fn the_functions_emit_what_the_contract_says() {
    for function in FUNCTIONS {
        let all = sources(&root().join("functions").join(function).join("src"));
        let emitted: BTreeSet<_> = all.iter().flat_map(|source| emitted(source)).collect();
        let promised: BTreeSet<_> = METRICS
            .iter()
            .filter(|metric| metric.functions.contains(&function))
            .map(|metric| Emitted {
                name: metric.name.to_owned(),
                is_counter: metric.kind == Kind::Counter,
                labels: metric.labels.iter().map(|&label| label.to_owned()).collect(),
            })
            .collect();
        let extra: Vec<_> = emitted.difference(&promised).collect();
        let lacking: Vec<_> = promised.difference(&emitted).collect();
        assert!(extra.is_empty() && lacking.is_empty(), "{function} emits also {extra:#?}, and lacks {lacking:#?}");
    }
}

#[test]
fn nothing_is_a_histogram_and_no_shared_crate_emits_metrics() {
    for folder in ["functions", "shared"] {
        for crate_folder in fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let own = crate_folder.ends_with("telemetry") || !crate_folder.join("src").exists();
            for source in if own { Vec::new() } else { sources(&crate_folder.join("src")) } {
                assert!(!source.contains("histogram!("), "{}", crate_folder.display());
                let shared = folder == "shared";
                assert!(!(shared && source.contains("metrics::")), "{}", crate_folder.display());
            }
        }
    }
}

#[test]
fn names_are_unique_and_no_label_has_the_name_of_a_metric() {
    let mut seen = BTreeSet::new();
    for metric in METRICS {
        assert!(seen.insert(metric.name), "{}", metric.name);
    }
    for metric in METRICS {
        for label in metric.labels.iter().chain(metric.also_by.iter().copied().flatten()) {
            assert!(!seen.contains(label) && metric.labels.contains(label), "{label} of {}", metric.name);
        }
    }
}

#[test]
fn the_readme_lists_every_metric() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.contains(&table()), "the table in README.md is to be:\n{}", table());
}

/// The metrics as Markdown.
fn table() -> String {
    let head = "| metric | unit | functions | dimensions besides `function` | meaning |\n|---|---|---|---|---|\n";
    head.to_owned() + &METRICS.iter().map(row).collect::<String>()
}

fn row(metric: &Metric) -> String {
    let highest = if metric.kind == Kind::Peak { ", the highest" } else { "" };
    let set = |set: &[&str]| if set.is_empty() { "none".to_owned() } else { format!("`{}`", set.join("` `")) };
    let sets: Vec<_> = metric.dimension_sets().map(set).collect();
    let Metric { name, unit, meaning, .. } = metric;
    format!("| `{name}` | {unit}{highest} | {} | {} | {meaning} |\n", metric.functions.join(", "), sets.join("; "))
}
