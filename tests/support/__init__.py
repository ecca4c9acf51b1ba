"""What tests share: real lists, fakes that inject faults, real servers started by the tests."""
