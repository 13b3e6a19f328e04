//! linfa's dependencies want a source of randomness to link against. DBSCAN draws nothing from it, and a model must not
//! depend on it, so there is none.

fn none(_: &mut [u8]) -> Result<(), getrandom::Error> {
    Err(getrandom::Error::UNSUPPORTED)
}

getrandom::register_custom_getrandom!(none);
