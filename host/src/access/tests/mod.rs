mod gate;
mod jwks;
mod jwt;
mod provider;
mod rate;
mod roles;
mod signatures;
mod tokens;
