"""What tests, demos and plugin authors need: true invoices, and a vendor's server that answers with them.

* :mod:`fapiao.testing.truth` makes the *true* canonical invoices of a slice, the same ones for the same seed.
* :mod:`fapiao.testing.simulator` is the server a vendor's simulator is built on: faults, caps, observation.
* :mod:`fapiao.testing.comparison` tells in sentences how stored rows differ from the truth.

All data is synthetic: tax numbers lie in region 99, which does not exist.
"""
