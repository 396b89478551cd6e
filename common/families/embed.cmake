# Writes family_texts.cc: the texts of FILES under their file names, for family_texts.h.
set(entries "")
foreach(file ${FILES})
  file(READ ${file} text)
  get_filename_component(name ${file} NAME)
  string(APPEND entries "    {\"${name}\", R\"mm_family(${text})mm_family\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"common/families/family_texts.h\"

namespace metalmesh::families {
namespace {
const FamilyText texts[] = {
${entries}};
}  // namespace
std::span<const FamilyText> family_texts() { return texts; }
}  // namespace metalmesh::families
")
