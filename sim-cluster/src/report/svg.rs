//! What all drawings share: the palette and the way a drawing becomes inline SVG that follows the
//! page's light or dark colours.
//!
//! Drawings must never bring a background or a fixed text colour.

use plotters::style::RGBColor;

/// Stands for the page's text colour while drawing; replaced in [`inline`].
pub const INK: RGBColor = RGBColor(1, 2, 3);
/// Rebalancing off.
pub const OFF: RGBColor = RGBColor(0xd9, 0x7a, 0x2b);
/// Rebalancing on.
pub const ON: RGBColor = RGBColor(0x2a, 0x8f, 0xc4);
/// A channel whose two ends own the same.
pub const BALANCED: RGBColor = RGBColor(0x1f, 0xa0, 0x8a);
/// A channel that one end owns alone.
pub const ONE_SIDED: RGBColor = RGBColor(0xe0, 0x4f, 0x5f);

/// Makes a finished drawing inline: text and axes take the page's colour, the size follows the
/// page's width, and `label` tells it to those who cannot see it.
#[must_use]
pub fn inline(svg: &str, label: &str) -> String {
    let start = svg.find("<svg").unwrap_or(0);
    let body = svg.get(start..).unwrap_or_default();
    let label = escape(label);
    body.replace("#010203", "currentColor").replacen(
        "<svg ",
        &format!("<svg class=\"figure\" role=\"img\" aria-label=\"{label}\" "),
        1,
    )
}

/// Text made safe for HTML, attribute values included.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A colour as CSS.
#[must_use]
pub fn css(colour: RGBColor) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// The colour between two, `share` of the way from the first to the second.
#[must_use]
pub fn between(from: RGBColor, to: RGBColor, share: f64) -> RGBColor {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let mix = |a: u8, b: u8| {
        (f64::from(a) + (f64::from(b) - f64::from(a)) * share.clamp(0.0, 1.0)).round() as u8
    };
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_leave_its_place() {
        let safe = escape("<script>\"'&</script>");
        assert_eq!(safe, "&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;");
    }

    #[test]
    fn ink_becomes_the_colour_of_the_page() {
        let drawn = "<?xml?><svg width=\"1\"><text fill=\"#010203\"/></svg>";
        let inline = inline(drawn, "a \"b\"");
        assert!(inline.starts_with("<svg class=\"figure\""));
        assert!(inline.contains("fill=\"currentColor\"") && inline.contains("a &quot;b&quot;"));
    }

    #[test]
    fn colours_mix_from_end_to_end() {
        assert_eq!(between(BALANCED, ONE_SIDED, 0.0), BALANCED);
        assert_eq!(between(BALANCED, ONE_SIDED, 2.0), ONE_SIDED);
        assert_eq!(css(RGBColor(1, 16, 255)), "#0110ff");
    }
}
