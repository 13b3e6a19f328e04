//! The engine that compiles and runs components, its deadlines and its cache.

use std::path::Path;
use std::thread;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine};

use super::contract;
use super::contract::action::ActionPlugin;
use super::error::LoadError;
use super::instance::Instance;
use super::plugin::{Kind, Plugin};
use crate::limits::{COMPONENT_BYTES_MAX, EPOCH, STACK_BYTES_MAX};

/// How a core module begins: the magic number, version 1, layer 0.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Loads components. Cheap to share by reference; every instance made from it has its own memory and limits.
pub struct Sandbox {
    engine: Engine,
    /// What every plugin may import.
    linker: Linker<Instance>,
    /// What actions may import.
    actions: Linker<Instance>,
}

impl Sandbox {
    /// A sandbox that keeps compiled code in `cache`, a directory that nothing else writes to, or nowhere.
    ///
    /// # Errors
    /// The cache directory cannot be used, or this CPU is not one that wasmtime compiles for.
    pub fn new(cache: Option<&Path>) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.epoch_interruption(true).max_wasm_stack(STACK_BYTES_MAX);
        if let Some(directory) = cache {
            let mut cache = CacheConfig::new();
            cache.with_directory(directory);
            config.cache(Some(Cache::new(cache)?));
        }
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        contract::rule::lapwing::plugin::log::add_to_linker::<_, HasSelf<Instance>>(
            &mut linker,
            |instance| instance,
        )?;
        let mut actions = Linker::new(&engine);
        ActionPlugin::add_to_linker::<_, HasSelf<Instance>>(&mut actions, |instance| instance)?;
        advance_epochs(&engine)?;
        Ok(Self { engine, linker, actions })
    }

    /// What a plugin of this kind may import.
    pub(super) fn linker(&self, kind: Kind) -> &Linker<Instance> {
        match kind {
            Kind::Rule | Kind::Scorer => &self.linker,
            Kind::Action => &self.actions,
        }
    }

    /// Compiles a component, reads what it is, and refuses what it may not import.
    ///
    /// # Errors
    /// It is not a component, not a plugin, of an unknown contract version, of the wrong shape, or not to be trusted.
    pub fn load(&self, name: &str, bytes: &[u8]) -> Result<Plugin, LoadError> {
        if bytes.len() as u64 > COMPONENT_BYTES_MAX {
            return Err(LoadError::TooLarge { bytes: bytes.len() as u64, limit: COMPONENT_BYTES_MAX });
        }
        if bytes.starts_with(CORE_MODULE) {
            let hint = "it is a core module; `wasm-tools component new` makes a component of it";
            return Err(LoadError::NotAComponent(hint.to_owned()));
        }
        let component = Component::from_binary(&self.engine, bytes)
            .map_err(|error| LoadError::NotAComponent(format!("{error:#}")))?;
        Plugin::new(name, bytes, &component, self)
    }
}

/// Starts the thread by which calls notice their deadlines. It ends with the engine.
fn advance_epochs(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(EPOCH);
        }
    };
    thread::Builder::new().name("epochs".to_owned()).spawn(tick).map(drop)
}
