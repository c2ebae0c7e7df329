//! What the file format accepts and refuses, with places.
//!
//! It must never compare whole messages: places and the decisive words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn read(text: &str) -> Document {
    parse(text, "rules").unwrap()
}

fn value<'a>(document: &'a Document, section: &str, key: &str) -> &'a str {
    let block = document.section(section).unwrap();
    &document.entry(block, key).unwrap().value
}

fn refused(text: &str) -> (u32, u32, String) {
    let fault = parse(text, "rules").unwrap_err();
    (fault.place.line, fault.place.column, fault.message)
}

#[test]
fn values_go_on_over_deeper_lines_blank_lines_and_comments() {
    let document = read("[a]\nlist = one,\n  two,\n\n  # not this\n  three\nnext: 4\n");
    assert_eq!(value(&document, "a", "list"), "one,\ntwo,\n\nthree");
    assert_eq!(value(&document, "a", "next"), "4");
}

#[test]
fn comments_behind_white_space_are_cut_off() {
    let document = read("[a]  # head [x]\nb = 10 # cheap\nc = 1#2\nd = ; nothing\ne = #\n");
    assert_eq!(value(&document, "a", "b"), "10");
    assert_eq!(value(&document, "a", "c"), "1#2");
    assert_eq!(value(&document, "a", "d"), "");
    assert_eq!(value(&document, "a", "e"), "");
    assert_eq!(read("[my peers #1]\n").sections[0].name, "my peers #1");
}

#[test]
fn keys_lose_their_case_and_sections_keep_it() {
    let document = read("[Aa]\nFEE_PPM : 3\n[aa]\nx=\n");
    assert_eq!(value(&document, "Aa", "fee_ppm"), "3");
    assert_eq!(value(&document, "aa", "x"), "");
}

#[test]
fn defaults_show_in_every_section_behind_its_own_keys() {
    let document = read("[DEFAULT]\nx = 1\ny = 2\n[a]\ny = 3\n[DEFAULT]\nz = 4\n");
    let block = document.section("a").unwrap();
    let keys: Vec<&str> = document.entries(block).map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["y", "x", "z"]);
    assert_eq!(value(&document, "a", "y"), "3");
}

#[test]
fn what_refuses_the_file_is_named_with_its_place() {
    assert_eq!((2, 1), {
        let r = refused("\nx = 1\n");
        (r.0, r.1)
    });
    assert_eq!((3, 1), {
        let r = refused("[a]\nb=1\n[a]\n");
        (r.0, r.1)
    });
    assert_eq!((3, 1), {
        let r = refused("[a]\nb=1\nB : 2\n");
        (r.0, r.1)
    });
    assert!(refused("[a\n").2.contains("not closed"));
    assert!(refused("[a]\nstrategy\n").2.contains("no value"));
    assert!(refused("[a]\n= 3\n").2.contains("without a key"));
    assert!(refused("\u{feff}[a]\n").2.contains("before the first"));
    assert!(refused("[]\n").2.contains("not closed"));
    assert!(refused(&"x".repeat(RULE_FILE_MAX_BYTES + 1)).2.contains("longer"));
}

#[test]
fn a_value_knows_its_own_place() {
    let document = read("[a]\n  key =   v\n");
    let entry = document.section("a").unwrap().get("key").unwrap();
    assert_eq!((entry.place.line, entry.place.column), (2, 3));
    assert_eq!((entry.value_place.line, entry.value_place.column), (2, 11));
}

#[test]
fn the_dialect_can_be_asked_for_in_a_comment() {
    assert!(read("# Dialect: debal\n[a]\n").asks_for_superset);
    assert!(!read("# dialect: charge-lnd\n[a]\n").asks_for_superset);
}
