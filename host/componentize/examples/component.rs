//! Builds one plugin crate of this workspace into a component.
//!
//! ```text
//! cargo run -p lapwing-componentize --example component -- PACKAGE OUT.wasm
//! ```

use std::path::Path;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(package), Some(out), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        bail!("two arguments are needed: the package and the file to write");
    };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = lapwing_componentize::components(&workspace, &[&package], &workspace.join("target/guests"))?;
    std::fs::write(&out, built.concat()).with_context(|| format!("{out} cannot be written"))
}
