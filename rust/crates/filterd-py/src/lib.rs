//! `filterd._core`: the Python face of the core. Its documentation is `filterd/_core.pyi`.
//!
//! Table of contents: [`rules`] (building and opening an index), [`deciding`] (snapshot and
//! decision), [`engine`] (bytes in, bytes out), [`patterns`] (the patterns of an order), [`abp`]
//! (URL rules of ABP syntax), [`hashed`] (lists of hashed URLs), [`proxy`] (who asks through a proxy).

mod abp;
mod deciding;
mod engine;
mod hashed;
mod patterns;
mod proxy;
mod rules;

use pyo3::prelude::*;

#[pymodule]
#[pyo3(name = "_core")]
fn core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CONTAINER_VERSION", filterd_index::CONTAINER_VERSION)?;
    module.add_class::<abp::Abp>()?;
    module.add_class::<hashed::HashedUrls>()?;
    module.add_class::<rules::IndexBuilder>()?;
    module.add_class::<rules::Index>()?;
    module.add_class::<rules::Skimmed>()?;
    module.add_class::<patterns::Patterns>()?;
    module.add_class::<patterns::Limits>()?;
    module.add_function(wrap_pyfunction!(rules::check_regex, module)?)?;
    module.add_function(wrap_pyfunction!(rules::canonical_url, module)?)?;
    module.add_function(wrap_pyfunction!(rules::public_suffix, module)?)?;
    module.add_class::<deciding::Decision>()?;
    module.add_class::<deciding::Snapshot>()?;
    module.add_class::<engine::Engine>()?;
    module.add_class::<proxy::Proxies>()?;
    Ok(())
}
