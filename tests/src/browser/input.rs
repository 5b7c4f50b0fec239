//! The browser's own mouse and keyboard.

use serde_json::{Value, json};

use super::Page;
use super::page::element;
use crate::eventually;

const ALT: u8 = 1;
const CONTROL: u8 = 2;

/// The steps of a drag between its ends: a brush follows the mouse, and one jump is no drag.
const STEPS: u32 = 8;

/// Keys with a name: their Windows key code, and the text that they type.
const KEYS: &[(&str, u32, &str)] = &[
    ("Backspace", 8, ""),
    ("Tab", 9, ""),
    ("Enter", 13, "\r"),
    ("Escape", 27, ""),
    ("PageUp", 33, ""),
    ("PageDown", 34, ""),
    ("End", 35, ""),
    ("Home", 36, ""),
    ("ArrowLeft", 37, ""),
    ("ArrowUp", 38, ""),
    ("ArrowRight", 39, ""),
    ("ArrowDown", 40, ""),
    ("Delete", 46, ""),
];

impl Page {
    /// Clicks into the middle of the first element that matches, while `modifiers` are held: `Alt`,
    /// `Control`, `Meta`, `Shift`.
    ///
    /// # Panics
    ///
    /// When within [`PATIENCE`](super::PATIENCE) there is none, or something else lies over it.
    pub async fn click(&self, selector: &str, modifiers: &[&str]) {
        let modifiers = bits(modifiers);
        let at = self.point(selector, (0.5, 0.5), true).await;
        self.mouse("mouseMoved", at, 0, modifiers).await;
        self.mouse("mousePressed", at, 1, modifiers).await;
        self.mouse("mouseReleased", at, 0, modifiers).await;
    }

    /// Drags the mouse across the first element that matches; a place is a fraction of its width and height.
    ///
    /// # Panics
    ///
    /// When there is none within [`PATIENCE`](super::PATIENCE).
    pub async fn drag(&self, selector: &str, from: (f64, f64), to: (f64, f64)) {
        let from = self.point(selector, from, false).await;
        let to = self.point(selector, to, false).await;
        self.mouse("mouseMoved", from, 0, 0).await;
        self.mouse("mousePressed", from, 1, 0).await;
        for step in 1..=STEPS {
            let done = f64::from(step) / f64::from(STEPS);
            let at = (from.0 + (to.0 - from.0) * done, from.1 + (to.1 - from.1) * done);
            self.mouse("mouseMoved", at, 1, 0).await;
        }
        self.mouse("mouseReleased", to, 0, 0).await;
    }

    /// Moves the mouse to a place of the first element that matches, a fraction of its width and height.
    ///
    /// # Panics
    ///
    /// When there is none within [`PATIENCE`](super::PATIENCE).
    pub async fn hover(&self, selector: &str, at: (f64, f64)) {
        let at = self.point(selector, at, false).await;
        self.mouse("mouseMoved", at, 0, 0).await;
    }

    /// Types this where the cursor is, key by key.
    ///
    /// # Panics
    ///
    /// When the page is gone.
    pub async fn type_text(&self, text: &str) {
        for letter in text.chars() {
            self.press(&letter.to_string(), &[]).await;
        }
    }

    /// Presses a key, and releases it: a letter, or `Enter`, `ArrowDown` …, while `modifiers` are held.
    ///
    /// # Panics
    ///
    /// When there is no such key.
    pub async fn press(&self, key: &str, modifiers: &[&str]) {
        let modifiers = bits(modifiers);
        let named = KEYS.iter().find(|(name, ..)| *name == key);
        let (code, text) = match (named, key.chars().next()) {
            (Some((_, code, text)), _) => (*code, *text),
            // The code of a letter or digit is its capital; the others have one that no page should look at.
            (None, Some(letter)) if key.chars().nth(1).is_none() => {
                let letter = letter.to_ascii_uppercase();
                (if letter.is_ascii_alphanumeric() { u32::from(letter) } else { 0 }, key)
            }
            _ => panic!("there is no key {key:?}"),
        };
        // With Control or Alt a key is an order, and types nothing.
        let text = if modifiers & (CONTROL | ALT) == 0 { text } else { "" };
        let mut down = json!({
            "type": if text.is_empty() { "rawKeyDown" } else { "keyDown" },
            "key": key,
            "windowsVirtualKeyCode": code,
            "modifiers": modifiers,
            "text": text,
        });
        if named.is_some() {
            down["code"] = json!(key);
        }
        if modifiers == CONTROL && key == "a" {
            down["commands"] = json!(["selectAll"]); // what the window system makes of it
        }
        let mut up = down.clone();
        up["type"] = json!("keyUp");
        up["commands"] = json!([]);
        up["text"] = json!("");
        self.ask("Input.dispatchKeyEvent", down).await;
        self.ask("Input.dispatchKeyEvent", up).await;
    }

    async fn mouse(&self, what: &str, (x, y): (f64, f64), buttons: u8, modifiers: u8) {
        let button = if what == "mouseMoved" && buttons == 0 { "none" } else { "left" };
        let event = json!({
            "type": what,
            "x": x,
            "y": y,
            "button": button,
            "buttons": buttons,
            "clickCount": u8::from(what != "mouseMoved"),
            "modifiers": modifiers,
        });
        self.ask("Input.dispatchMouseEvent", event).await;
    }

    /// Where a fraction of an element is in the window, once it is there and scrolled into view.
    async fn point(&self, selector: &str, (x, y): (f64, f64), bare: bool) -> (f64, f64) {
        let element = element(selector);
        let look = format!(
            "(() => {{
                const element = {element};
                if (!element) return 'no such element';
                element.scrollIntoView({{ block: 'nearest', inline: 'nearest', behavior: 'instant' }});
                const box = element.getBoundingClientRect();
                if (!box.width || !box.height) return 'it has no size';
                const at = [box.x + box.width * {x}, box.y + box.height * {y}];
                const hit = document.elementFromPoint(...at);
                const free = element.contains(hit) || hit?.closest('label')?.control === element;
                return !{bare} || free ? at : 'covered by ' + (hit?.outerHTML.slice(0, 200) ?? 'nothing');
            }})()"
        );
        eventually(&format!("{selector} to point at"), self.patience, async || {
            let at = self.eval(&look).await;
            let place = at.get(0).and_then(Value::as_f64).zip(at.get(1).and_then(Value::as_f64));
            place.ok_or(at)
        })
        .await
    }
}

fn bits(modifiers: &[&str]) -> u8 {
    let bit = |modifier: &&str| match *modifier {
        "Alt" => ALT,
        "Control" => CONTROL,
        "Meta" => 4,
        "Shift" => 8,
        other => panic!("{other} is no modifier"),
    };
    modifiers.iter().map(bit).fold(0, |all, bit| all | bit)
}
