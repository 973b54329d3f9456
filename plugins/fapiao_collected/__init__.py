"""The rows of 发票归集 (invoice collection) as canonical invoices: one shape that several vendors pass on.

易快报 resells the collection job of 企享云, so that both hand out the same rows under the same field names. Their codes, their
envelopes and what they add to a row are their own: a vendor's plugin says so in a :class:`~fapiao_collected.dialect.Dialect`.
"""
