# Writes a source that holds the texts of FILES under their file names:
#   cmake -DOUT=... -DFILES=... -DHEADER=a/b.h -DNAMESPACE=x::y -DTYPE=FamilyText -DFUNCTION=family_texts -P embed_texts.cmake
set(entries "")
foreach(file ${FILES})
  file(READ ${file} text)
  get_filename_component(name ${file} NAME)
  string(APPEND entries "    {\"${name}\", R\"mm_text(${text})mm_text\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"${HEADER}\"

namespace ${NAMESPACE} {
namespace {
const ${TYPE} texts[] = {
${entries}};
}  // namespace
std::span<const ${TYPE}> ${FUNCTION}() { return texts; }
}  // namespace ${NAMESPACE}
")
