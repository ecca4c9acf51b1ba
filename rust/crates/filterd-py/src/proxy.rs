//! The proxies that are believed, for doors that Python has.

use std::collections::BTreeMap;
use std::sync::Arc;

use filterd_core::proxy::{self, Entry, Fault};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::engine::address;

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Proxies(pub(crate) Arc<proxy::Proxies>);

type Counts = BTreeMap<&'static str, u64>;

#[pymethods]
impl Proxies {
    #[new]
    #[allow(clippy::needless_pass_by_value)] // pyo3 hands vectors over
    fn new(networks: Vec<String>) -> PyResult<Self> {
        let proxies = proxy::Proxies::new(&networks).map_err(PyValueError::new_err)?;
        Ok(Self(Arc::new(proxies)))
    }

    fn hold(&self, peer: &str) -> PyResult<bool> {
        Ok(self.0.hold(address(peer)?))
    }

    fn enter(
        &self,
        peer: &str,
        data: &[u8],
        door: u8,
        whole: bool,
    ) -> PyResult<Option<(String, usize)>> {
        match self.0.enter(address(peer)?, data, whole) {
            Entry::Client(_, 0) => Ok(Some((peer.to_owned(), 0))),
            Entry::Client(client, start) => {
                self.0.entered(door, 1);
                Ok(Some((client.to_string(), start)))
            }
            Entry::More => Ok(None),
            Entry::Refused(fault) => Err(PyValueError::new_err(fault.word())),
        }
    }

    fn counts(&self) -> (Counts, Counts) {
        let counted = self.0.counts();
        let [udp, tcp] = counted.proxied;
        let refused = Fault::ALL
            .iter()
            .map(|(_, word)| *word)
            .zip(counted.refused);
        (
            BTreeMap::from([("udp", udp), ("tcp", tcp)]),
            refused.collect(),
        )
    }
}
