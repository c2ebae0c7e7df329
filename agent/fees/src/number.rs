//! Numbers as rule files spell them: the spellings that Python's `int` and `float` accept.
//!
//! It must never round: an integer too long for 38 digits is held at the end of its range, which
//! no amount reaches.

/// White space as the original's parser sees it.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// A text without white space around it.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// An integer: sign, digits, single underscores between digits, leading zeros.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let text = strip(text);
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let mut value: i128 = 0;
    let mut after_digit = false;
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => {
                value = value.saturating_mul(10).saturating_add(i128::from(byte - b'0'));
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => return None,
        }
    }
    // Neither empty nor ending in an underscore.
    after_digit.then_some(if negative { -value } else { value })
}

/// A fraction: also `1e-3`, `.5`, `nan`, `inf`; single underscores between digits.
pub(crate) fn float(text: &str) -> Option<f64> {
    let text = strip(text);
    let bytes = text.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        let digit =
            |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        if *byte == b'_' && !(digit(index.checked_sub(1)) && digit(Some(index + 1))) {
            return None;
        }
    }
    text.replace('_', "").parse().ok()
}

/// A flag: true, yes, on, 1, false, no, off or 0, in any case.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// A span of time in seconds: a number of seconds, or a number with s, m, h or d behind it.
pub(crate) fn seconds(text: &str) -> Option<i128> {
    if let Some(value) = integer(text) {
        return Some(value);
    }
    let unit = text.chars().next_back()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    Some(integer(text.get(..text.len() - 1)?)?.saturating_mul(factor))
}

/// An amount in msat: an integer, or one with k, m or g (thousand, million, thousand million)
/// behind it, and `sat` behind that for satoshis.
pub(crate) fn msat(text: &str) -> Option<i128> {
    let text = strip(text).to_lowercase();
    let (text, unit) = match text.strip_suffix("msat") {
        Some(rest) => (rest, 1),
        None => text.strip_suffix("sat").map_or((text.as_str(), 1), |rest| (rest, 1000)),
    };
    let text = strip(text);
    let (text, factor) = match text.as_bytes().last()? {
        b'k' => (&text[..text.len() - 1], 1000),
        b'm' => (&text[..text.len() - 1], 1_000_000),
        b'g' => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    Some(integer(text)?.saturating_mul(factor).saturating_mul(unit))
}

/// A double cut towards zero; nothing if it is no number or infinite.
pub(crate) fn truncate(value: f64) -> Option<i128> {
    // The cast saturates, so that a huge double stays huge.
    value.is_finite().then_some(value as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_spelled_as_in_the_original() {
        for (text, value) in
            [("7", 7), ("+7", 7), ("-1_0", -10), (" 007 ", 7), ("1_500", 1500), ("-0", 0)]
        {
            assert_eq!(integer(text), Some(value), "{text}");
        }
        for text in ["", "-", "1e3", "10.5", "_1", "1_", "1__0", "x", "1 0", "--1", "0x10"] {
            assert_eq!(integer(text), None, "{text}");
        }
        assert_eq!(integer(&"9".repeat(60)), Some(i128::MAX));
    }

    #[test]
    fn fractions_are_spelled_as_in_the_original() {
        for (text, value) in [("5e-1", 0.5), (".5", 0.5), ("1_0.5", 10.5), ("5.", 5.0)] {
            assert_eq!(float(text), Some(value), "{text}");
        }
        assert!(float("NaN").is_some_and(f64::is_nan));
        assert_eq!(float("inf"), Some(f64::INFINITY));
        for text in ["", "_1", "1_", "1_.5", "0x1", "one"] {
            assert_eq!(float(text), None, "{text}");
        }
    }

    #[test]
    fn spans_and_amounts_have_units() {
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("2d"), Some(172_800));
        assert_eq!(seconds("45"), Some(45));
        assert_eq!(seconds("2w"), None);
        assert_eq!(seconds("d"), None);
        assert_eq!(seconds(""), None);
        assert_eq!(msat("5000000"), Some(5_000_000));
        assert_eq!(msat("5k sat"), Some(5_000_000));
        assert_eq!(msat("2M"), Some(2_000_000));
        assert_eq!(msat("7 msat"), Some(7));
        assert_eq!(msat("many"), None);
    }
}
