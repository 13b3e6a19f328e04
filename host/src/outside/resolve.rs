//! Names become addresses, and the addresses are looked at before anything is sent to them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::address::{Place, place};

/// The addresses of a name, when they are known.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks names up.
pub trait Resolve: Send + Sync {
    /// The addresses that `name` stands for now.
    fn resolve(&self, name: String) -> Resolving;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: String) -> Resolving {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name, 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    }
}

/// A name that does not lead where the grant lets it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misled {
    #[error("{name} stands for {address}, which is internal; grant \"internal:{name}\" if that is meant")]
    Internal { name: String, address: IpAddr },
    #[error("{name} stands for {address}, which is reached only where the address itself is granted")]
    Forbidden { name: String, address: IpAddr },
}

/// What the connector asks for addresses. It connects to those that were looked at: there is no second lookup.
#[derive(Clone)]
pub(super) struct Checked {
    pub(super) resolver: Arc<dyn Resolve>,
    /// Whether names may stand for internal addresses.
    pub(super) internal: bool,
}

impl Service<Name> for Checked {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (resolving, internal) = (self.resolver.resolve(name.as_str().to_owned()), self.internal);
        Box::pin(async move {
            let addresses = resolving.await?;
            check(name.as_str(), &addresses, internal)?;
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            // The connector puts the port in.
            let addresses: Vec<_> = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            Ok(addresses.into_iter())
        })
    }
}

/// One address that is not allowed refuses the name: who mixes them means no good.
pub(super) fn check(name: &str, addresses: &[IpAddr], internal: bool) -> Result<(), Misled> {
    for &address in addresses {
        let name = || name.to_owned();
        match place(address) {
            Place::Public => {}
            Place::Internal if internal => {}
            Place::Internal => return Err(Misled::Internal { name: name(), address }),
            Place::Forbidden => return Err(Misled::Forbidden { name: name(), address }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn one_address_decides_over_all() {
        let table: [(&[&str], bool, bool); 8] = [
            (&["8.8.8.8", "2606:4700::1111"], false, true),
            (&["8.8.8.8", "127.0.0.1"], false, false),
            (&["127.0.0.1", "8.8.8.8"], false, false),
            (&["127.0.0.1", "8.8.8.8"], true, true),
            (&["fd00::1"], true, true),
            (&["fd00::1"], false, false),
            (&["169.254.169.254"], true, false),
            (&["8.8.8.8", "169.254.169.254"], false, false),
        ];
        for (addresses, internal, allowed) in table {
            let parsed: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(check("a.example", &parsed, internal).is_ok(), allowed, "{addresses:?} {internal}");
        }
    }

    /// Stands for an address outside when it is first asked, and for this machine from then on.
    #[derive(Default)]
    struct Turncoat(AtomicBool);

    impl Resolve for Turncoat {
        fn resolve(&self, _: String) -> Resolving {
            let address = if self.0.swap(true, Ordering::Relaxed) { "127.0.0.1" } else { "8.8.8.8" };
            Box::pin(async { Ok(vec![address.parse().unwrap()]) })
        }
    }

    #[tokio::test]
    async fn a_name_that_moves_inside_is_refused_though_it_was_outside_before() {
        let mut checked = Checked { resolver: Arc::new(Turncoat::default()), internal: false };
        let mut ask = || checked.call("a.example".parse().unwrap());
        let first: Vec<SocketAddr> = ask().await.unwrap().collect();
        assert_eq!(first, ["8.8.8.8:0".parse().unwrap()]);
        let second = ask().await.unwrap_err();
        let address = "127.0.0.1".parse().unwrap();
        let expected = Misled::Internal { name: "a.example".to_owned(), address };
        assert_eq!(second.downcast_ref::<Misled>(), Some(&expected));
    }

    #[tokio::test]
    async fn the_system_knows_this_machine() {
        let addresses = SystemResolver.resolve("localhost".to_owned()).await.unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }
}
