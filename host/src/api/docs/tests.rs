use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

use super::*;
use crate::api::{ROUTES, document};

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let of_three = |three: &[u8]| {
        let number =
            (0..3).fold(0_usize, |number, at| number << 8 | three.get(at).map_or(0, |byte| *byte as usize));
        (0..4)
            .map(|at| if at > three.len() { '=' } else { DIGITS[number >> (18 - 6 * at) & 63] as char })
            .collect::<String>()
    };
    bytes.chunks(3).map(of_three).collect()
}

#[test]
fn the_policy_allows_exactly_the_style() {
    let sha256 = TLS13_AES_128_GCM_SHA256.tls13().unwrap().common.hash_provider;
    let digest = format!("'sha256-{}'", base64(sha256.hash(STYLE.as_bytes()).as_ref()));
    assert!(POLICY.contains(&digest), "docs.css has changed: POLICY needs {digest}");
}

#[test]
fn the_page_shows_every_operation_and_fetches_nothing() {
    let document = serde_json::to_value(document()).unwrap();
    let page = page(&document);
    for route in ROUTES {
        let anchor = anchor(route.method, route.path);
        assert!(page.contains(&format!("<article id=\"{anchor}\">")), "{anchor}");
        assert!(page.contains(&format!("href=\"#{anchor}\"")), "{anchor}");
    }
    for target in page.split("href=\"#").skip(1) {
        let target = target.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{target}\"")), "{target} leads nowhere");
    }
    for foreign in ["<script", "src=", "@import", "url(", "href=\"http", "style=", "anything</td>"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn what_the_document_says_cannot_become_markup() {
    assert_eq!(prose("a <b> `c&d` 'e'"), "a &lt;b&gt; <code>c&amp;d</code> &#39;e&#39;");
}
