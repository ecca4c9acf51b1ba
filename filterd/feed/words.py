"""What segments have in common, so that a small one need not carry it: a dictionary for zstd.

Part of the format: a file that was packed with these bytes is read with these bytes only.
"""

DICTIONARY = (
    b'"not_after":17,"not_before":17,"patterns":[["url","www.'
    b'.edu.vn"],["name",".gov.vn"],["subtree",".com.vn"],["subtree",".info"],["subtree",".org"],'
    b'["subtree",".app"],["subtree",".top"],["subtree",".xyz"],["subtree",".net"],'
    b'["subtree",".vn"],["subtree",".com"],["subtree",".com"]],'
    b'"priority":"normal","reference":"/QD-","sunset":"event"},"kind":"order","sunset":"standing",'
    b'{"act":{"at":17,"authority":"ministry","order":"2027-","reason":""},"kind":"revoke",'
    b'"sunset":"review","min_age":18,"effect":"allow","effect":"warn","legal_basis":"decree-'
    b'"},"kind":"order","signatures":[["","'
    b'"]]}],"at":17,"before":"","canary":".canary.'
    b'","number":1}'
    b'{"acts":[{"act":{"authority":"mps-a05","category":"abuse","category":"phishing",'
    b'"category":"adult","category":"gambling","effect":"block","id":"2026-","legal_basis":"decree-'
    b'147","min_age":null,"not_after":18,"not_before":18,"patterns":[["subtree","'
    b'.com"]],"priority":"urgent","reference":"/QD","sunset":"threat"},"kind":"order",'
    b'"signatures":[["'
)
