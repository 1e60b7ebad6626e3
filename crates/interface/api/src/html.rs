//! The interface for people: one page without scripts, made from the same table as everything else.

use std::fmt::Write as _;

use crate::{Door, Operation};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
code{font-size:.95em}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;\
border-bottom:1px solid #ccc;vertical-align:top}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}\
a{color:#8bf}td,th{border-color:#444}}";

/// The page at `/docs`.
pub fn page() -> String {
    let mut rows = String::new();
    for operation in Operation::ALL {
        // Writing to a `String` cannot fail.
        let _ = write!(
            rows,
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td><code>{}</code></td></tr>",
            operation.method().as_str(),
            operation.path(),
            escaped(operation.summary()),
            operation.action().as_str(),
        );
    }
    for door in Door::ALL {
        let _ = write!(
            rows,
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td></td></tr>",
            door.method().as_str(),
            door.path(),
            escaped(door.summary()),
        );
    }
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tenon: the interface</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>\
         <h1>Tenon {}: the interface</h1>\
         <p>Send a key as <code>Authorization: Bearer tenon_…</code>; <code>tenon key create</code> makes one. \
         Errors are <code>application/problem+json</code>. Every field of every body is in \
         <a href=\"/api/v1/openapi.json\">the OpenAPI document</a>.</p>\
         <table><tr><th>Method</th><th>Path</th><th>What it does</th><th>Action</th></tr>{rows}</table></html>",
        env!("CARGO_PKG_VERSION")
    )
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let mut parts = text.split('`');
    let mut html = parts.next().unwrap_or_default().to_owned();
    // Text between backquotes is code.
    for (index, part) in parts.enumerate() {
        html.push_str(if index % 2 == 0 { "<code>" } else { "</code>" });
        html.push_str(part);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_stands_on_the_page() {
        let page = page();
        for operation in Operation::ALL {
            assert!(page.contains(operation.path()), "{}", operation.name());
        }
        for door in Door::ALL {
            assert!(page.contains(door.path()), "{}", door.name());
        }
        assert_eq!(page.matches("<code>").count(), page.matches("</code>").count());
        assert!(!page.contains("<script"));
    }
}
