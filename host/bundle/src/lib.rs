//! The bundled plugins, as components. They are loaded through the same door as anyone's.

/// Plugin name (`system_disconnection`, …) and component bytes, sorted by name.
pub const COMPONENTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/components.rs"));
