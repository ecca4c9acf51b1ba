//! The patterns of an order, and what is asked of all of them at once.

use filterd_index::{self as index, Broad, NameSet};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::rules::{to_python, IndexBuilder};

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Limits(index::Limits);

fn set(names: &[String]) -> NameSet {
    NameSet::new(names.iter().map(String::as_str))
}

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (*, protected, above, popular))]
    #[allow(clippy::needless_pass_by_value)] // pyo3 hands vectors over
    fn new(protected: Vec<String>, above: Vec<String>, popular: Vec<String>) -> Self {
        Self(index::Limits {
            protected: set(&protected),
            above: set(&above),
            popular: set(&popular),
        })
    }
}

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Patterns(index::Patterns);

#[pymethods]
impl Patterns {
    #[new]
    #[allow(clippy::needless_pass_by_value)] // pyo3 hands vectors over
    fn new(given: Vec<(u8, String)>) -> PyResult<Self> {
        let each = given.iter().map(|(kind, text)| (*kind, text.as_str()));
        index::Patterns::new(each).map(Self).map_err(to_python)
    }

    #[staticmethod]
    fn unpack(py: Python<'_>, block: &[u8], most: usize) -> PyResult<Self> {
        let read = py.detach(|| index::Patterns::unpack(block, most));
        read.map(Self)
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn pack(&self, py: Python<'_>) -> Vec<u8> {
        py.detach(|| self.0.pack())
    }

    fn signed(&self) -> Vec<(u8, String)> {
        self.0.signed()
    }

    fn canonical(&self, py: Python<'_>) -> Vec<u8> {
        py.detach(|| self.0.canonical())
    }

    #[allow(clippy::needless_pass_by_value)] // pyo3 hands vectors over
    fn first_outside(&self, py: Python<'_>, space: Vec<String>) -> Option<String> {
        py.detach(|| self.0.first_outside(&set(&space)))
    }

    fn first_broad(&self, py: Python<'_>, limits: &Limits) -> Option<(String, &'static str)> {
        let (name, why) = py.detach(|| self.0.first_broad(&limits.0))?;
        let word = match why {
            Broad::Suffix => "suffix",
            Broad::Protected => "protected",
            Broad::Popular => "popular",
        };
        Some((name, word))
    }

    fn add_to(&self, py: Python<'_>, builder: &IndexBuilder, class_id: u32) -> PyResult<u64> {
        py.detach(|| self.0.add_to(&mut builder.lock(), class_id))
            .map_err(to_python)
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}
