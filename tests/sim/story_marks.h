// What is marked when a story strikes.
#pragma once

#include <string_view>

namespace metalmesh::sim::story_mark {

inline constexpr std::string_view in_the_dark = "a site installed in bulk while nobody heard it";
inline constexpr std::string_view forgotten =
    "a controller was put back, and the site that knew better lost its folder";
inline constexpr std::string_view aborted_unheard =
    "a person aborted after a restore what a silent site had begun";
inline constexpr std::string_view heard_first = "a site that knew nothing was heard first after a restore";
inline constexpr std::string_view both_older =
    "an agent that had been put back doubted itself, and then the controller was put back as well";
inline constexpr std::string_view in_the_dark_anew = "an agent restarted in a cut before it had armed";
inline constexpr std::string_view folder = "an agent lost its folder in the middle of an install";
inline constexpr std::string_view second = "a second controller ran with the identity of the first";
inline constexpr std::string_view word_alone =
    "a site lost its folder after a person's word that it could not hear";
inline constexpr std::string_view said_again = "a person's word was disproved, and said again";
inline constexpr std::string_view stalled = "an installer stalled where one at a time was allowed";
inline constexpr std::string_view again =
    "an order that was refused came again when nothing stood in its way";
inline constexpr std::string_view glimpsed = "one reading said Off while an installer ran";
inline constexpr std::string_view unproven = "new systems came up without their proof, and nobody looked";
inline constexpr std::string_view unsaid =
    "a person unprotected what is installed, and forgot to say reinstall";
inline constexpr std::string_view late = "a controller woke late, and another agent was heard first";
inline constexpr std::string_view new_time = "a controller died right after it believed a new time";
inline constexpr std::string_view places = "two machines changed places between a look and an act";

inline constexpr std::string_view cut_off = "a controller died when it had made some orders of a start";
inline constexpr std::string_view beside = "power was ordered beside an install that ran";

inline constexpr std::string_view others = "somebody else's medium was found where ours was to go";

inline constexpr std::string_view unarmed =
    "an agent was put back to before what it had told of an order that was not armed";
inline constexpr std::string_view trimmed =
    "a controller was put back behind what a site still kept of an order that was over";
inline constexpr std::string_view inserted =
    "an agent that had been given up came back, inserted a medium and was lost";
inline constexpr std::string_view rescued = "starts from images were ordered where systems were in use";
inline constexpr std::string_view site_row = "a row of an agent's store rotted";
inline constexpr std::string_view mesh_row = "a row of the controller's store rotted";

inline constexpr std::string_view all[] = {
    in_the_dark, forgotten,  aborted_unheard, heard_first, both_older, folder,   in_the_dark_anew,
    second,      word_alone, said_again,      stalled,     again,      glimpsed, unproven,
    unsaid,      late,       new_time,        places,      cut_off,    beside,   others,
    unarmed,     trimmed,    inserted,        rescued,     site_row,   mesh_row};

}  // namespace metalmesh::sim::story_mark
