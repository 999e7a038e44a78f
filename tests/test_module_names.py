"""No module is hidden by what its package gives under the module's own name."""

import importlib
import pkgutil
import types

import tfp_dgm


def test_no_module_is_hidden():
    """Else `import tfp_dgm.x.y` and `tfp_dgm.x.y` are two things."""
    packages = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(tfp_dgm.__path__, "tfp_dgm.")
        if found.ispkg
    ]
    assert len(packages) > 10
    hidden = {
        f"{package.__name__}.{module.name}"
        for package in packages
        for module in pkgutil.iter_modules(package.__path__)
        if not isinstance(vars(package).get(module.name, types), types.ModuleType)
        or module.name in getattr(package, "__all__", ())
    }
    assert hidden == set()
