// Certificates as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::care {

/// Each certificate of a PEM text by itself, in PEM.
std::vector<std::string> certificates_in(std::string_view pem);
/// One certificate is the other, however their lines are broken.
bool same_certificate(std::string_view one, std::string_view other);

}  // namespace metalmesh::care
