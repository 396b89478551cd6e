// A BMC and its host, small and scripted: what it is asked, what it does, and what it must never be asked.
// Pure; time is whatever the test says.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/ports/http_client.h"

namespace metalmesh::install {

class FakeBmc {
 public:
  // Who and what it is.
  std::string uuid = "4c4c4544-0043-4a10-8052-b4c04f4d3232";
  std::string serial = "CZ2D4F0A1B";
  std::string mac = "3C:A8:2A:00:00:01";
  std::string key = "aa11";
  std::string power = "Off";
  bool media_under_manager = false;
  bool has_slots = true;
  std::string second_slot;  // the media type of a slot beside the CD's; empty: there is none
  bool etag_required = false;
  std::string boot_progress;

  // How it misbehaves.
  bool reachable = true;
  int login_status = 201;
  std::string login_error;
  int insert_status = 204;
  std::string insert_error;
  bool insert_lies = false;     // accepts, and stays empty
  bool insert_by_task = false;  // 202, done at the second look
  bool wants_protocol = false;  // refuses an insert without TransferProtocolType
  bool override_lies = false;   // accepts the override and forgets it
  bool eject_works = true;
  int power_lag_reads = 0;    // so many reads show the old PowerState after a reset
  int reset_conflicts = 0;    // so many 409 before a reset works
  bool power_sticks = false;  // accepts resets, does nothing
  bool graceful_works = true;
  std::string reset_types = R"("On","ForceOff","GracefulShutdown")";
  int ons_ignored = 0;  // so many power-ons are taken and do nothing
  std::string boot_progress_time;
  std::string boot_mode = "UEFI";  // whatever is asked for
  std::string override_becomes = "Once";
  std::string boot_targets = R"("Cd")";
  std::string boots_by = "Cd";    // the target that the host understands
  std::string eject_body = "{}";  // the only one it takes an eject with
  std::string stale_image;        // shown instead of what was inserted, for so many looks:
  int stale_looks = 0;
  int blink_off = 0;  // is on again after "Off" was read so many times
  int root_status = 200;
  bool identity_hidden = false;  // tells neither UUID nor serial
  bool power_hidden = false;     // PowerState is null
  bool damaged = false;          // the system's body is no JSON
  std::string screen;            // what its action for that answers; empty: there is none

  // State, and what happened.
  std::string image;
  std::string second_image;
  int lagging_reads = 0;  // so many looks at a full slot still show it empty
  std::string boot_enabled = "Disabled";
  std::string boot_target = "None";
  std::set<std::string> sessions;
  std::vector<std::string> changes;  // "insert", "eject", "boot", "unboot", "reset On", ...
  int requests = 0;
  std::function<void(const std::string& change)> on_change;
  std::function<void(const std::string& power)> on_power;
  std::function<void(const std::string& path)> on_get;  // before it is answered

  HttpReplied serve(const HttpRequest& request) {
    ++requests;
    HttpReplied reply = answer(request);
    reply.id = request.id;
    reply.peer_key_sha256 = key;
    return reply;
  }

  void set_power(const std::string& state) {
    if (power == state) return;
    power = state;
    ++version_;
    if (on_power) on_power(state);
  }
  /// The host starts: true when it takes the override, which is then used up, if it was for once.
  bool use_override() {
    const bool cd = boot_enabled != "Disabled" && boot_target == boots_by;
    if (boot_enabled == "Continuous") return cd;
    boot_enabled = "Disabled";
    boot_target = "None";
    ++version_;
    return cd;
  }

 private:
  static HttpReplied json(int status, std::string body) { return {"", status, {}, std::move(body), ""}; }
  static HttpReplied error(int status, const std::string& id, const std::string& text = "no") {
    return json(status, R"({"error":{"@Message.ExtendedInfo":[{"MessageId":"Base.1.12.)" + id +
                            R"(","Message":")" + text + R"("}]}})");
  }
  static std::string get_header(const HttpRequest& request, const std::string& name) {
    for (const auto& [key, value] : request.headers)
      if (key == name) return value;
    return "";
  }
  static std::string path_of(const std::string& url) { return url.substr(url.find('/', 8)); }
  [[nodiscard]] std::string etag() const { return "\"v" + std::to_string(version_) + "\""; }
  [[nodiscard]] std::string media_parent() const {
    return media_under_manager ? "/redfish/v1/Managers/bmc" : "/redfish/v1/Systems/1";
  }

  void changed(const std::string& what) {
    changes.push_back(what);
    ++version_;
    if (on_change) on_change(what);
  }

  HttpReplied answer(const HttpRequest& request) {
    const std::string path = path_of(request.url);
    if (path == "/redfish/v1/" && root_status != 200) return error(root_status, "GeneralError");
    if (path == "/redfish/v1/")
      return json(200, R"({"RedfishVersion":"1.15.0","Systems":{"@odata.id":"/redfish/v1/Systems"},
      "Managers":{"@odata.id":"/redfish/v1/Managers"},"Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}})");
    if (request.method == "POST" && path == "/redfish/v1/SessionService/Sessions") return log_in(request);
    if (!sessions.contains(get_header(request, "X-Auth-Token"))) return error(401, "NoValidSession");
    if (request.method == "GET" && on_get) on_get(path);
    if (request.method == "GET") return get(path);
    if (request.method == "DELETE") return log_out(path);
    if (request.method == "PATCH") return patch(path, request);
    return post(path, request);
  }

  HttpReplied log_in(const HttpRequest& request) {
    if (request.body.find(credential_password_placeholder) == std::string::npos || !request.credential)
      return error(400, "MalformedJSON");
    if (login_status != 201) return error(login_status, login_error);
    const std::string token = "t" + std::to_string(++last_session_);
    sessions.insert(token);
    HttpReplied reply = json(201, "{}");
    reply.headers = {{"x-auth-token", token}, {"location", "/redfish/v1/SessionService/Sessions/" + token}};
    return reply;
  }

  HttpReplied log_out(const std::string& path) {
    const bool known = sessions.erase(path.substr(path.rfind('/') + 1)) > 0;
    return json(known ? 204 : 404, "");
  }

  HttpReplied get(const std::string& path) {
    if (path == "/redfish/v1/Systems")
      return json(200, R"({"Members":[{"@odata.id":"/redfish/v1/Systems/1"}]})");
    if (path == "/redfish/v1/Managers/bmc")
      return json(200, R"({"@odata.id":"/redfish/v1/Managers/bmc")" +
                           (media_under_manager
                                ? R"(,"VirtualMedia":{"@odata.id":")" + media_parent() + R"(/VirtualMedia"}})"
                                : std::string("}")));
    if (path == "/redfish/v1/Systems/1") return system();
    if (path == "/redfish/v1/Systems/1/EthernetInterfaces")
      return json(200, R"({"Members":[{"@odata.id":"/redfish/v1/Systems/1/EthernetInterfaces/1"}]})");
    if (path == "/redfish/v1/Systems/1/EthernetInterfaces/1")
      return json(200, R"({"MACAddress":")" + mac + R"(","PermanentMACAddress":")" + mac + R"("})");
    if (path == media_parent() + "/VirtualMedia") return slots();
    if (path == media_parent() + "/VirtualMedia/Cd" && has_slots) return cd_slot();
    if (path == media_parent() + "/VirtualMedia/Two" && !second_slot.empty())
      return slot("Two", second_slot, second_image);
    if (path == "/redfish/v1/TaskService/Tasks/1") {
      const bool over = ++task_looks_ > 1;
      if (over) image = task_image_;
      return json(200, R"({"@odata.id":"/redfish/v1/TaskService/Tasks/1","TaskState":")" +
                           std::string(over ? "Completed" : "Mounting") + R"("})");
    }
    return error(404, "ResourceMissingAtURI");
  }

  std::string shown_power() {
    if (lag_left_ == 0) return power;
    --lag_left_;
    return power_before_;
  }

  HttpReplied system() {
    if (damaged) return json(200, R"({"PowerState":"Of)");
    const std::string shown = power_hidden ? "null" : "\"" + shown_power() + "\"";
    HttpReplied reply =
        json(200, R"({"@odata.id":"/redfish/v1/Systems/1","UUID":")" + (identity_hidden ? "" : uuid) +
                      R"(","SerialNumber":")" + (identity_hidden ? "" : serial) + R"(","PowerState":)" +
                      shown + R"(,"BootProgress":{"LastState":")" + boot_progress + R"(","LastStateTime":")" +
                      boot_progress_time + R"("},"Boot":{"BootSourceOverrideEnabled":")" + boot_enabled +
                      R"(","BootSourceOverrideTarget":")" + boot_target + R"(","BootSourceOverrideMode":")" +
                      boot_mode + R"(","BootSourceOverrideTarget@Redfish.AllowableValues":["None",)" +
                      boot_targets + R"(,"Hdd"]},
        "Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
        "ResetType@Redfish.AllowableValues":[)" +
                      reset_types + R"(]}},
        "EthernetInterfaces":{"@odata.id":"/redfish/v1/Systems/1/EthernetInterfaces"},)" +
                      (media_under_manager
                           ? std::string()
                           : R"("VirtualMedia":{"@odata.id":"/redfish/v1/Systems/1/VirtualMedia"},)") +
                      R"("Links":{"ManagedBy":[{"@odata.id":"/redfish/v1/Managers/bmc"}]}})");
    reply.headers = {{"etag", etag()}};
    if (blink_off > 0 && power == "Off" && --blink_off == 0) set_power("On");
    return reply;
  }

  HttpReplied slots() const {
    const auto member = [&](const std::string& id) {
      return R"({"@odata.id":")" + media_parent() + "/VirtualMedia/" + id + R"("})";
    };
    const std::string second = second_slot.empty() ? "" : "," + member("Two");
    return json(200, R"({"Members":[)" + (has_slots ? member("Cd") + second : "") + "]}");
  }

  HttpReplied cd_slot() {
    if (lagging_reads > 0 && !image.empty()) --lagging_reads;
    if (!image.empty() && stale_looks-- > 0) return slot("Cd", R"(CD","DVD)", stale_image);
    return slot("Cd", R"(CD","DVD)", lagging_reads == 0 ? image : "");
  }

  [[nodiscard]] HttpReplied slot(const std::string& id, const std::string& types,
                                 const std::string& held) const {
    const std::string uri = media_parent() + "/VirtualMedia/" + id;
    const std::string shown = held.empty() ? "null" : "\"" + held + "\"";
    return json(200, R"({"@odata.id":")" + uri + R"(","Id":")" + id + R"(","MediaTypes":[")" + types +
                         R"("],"Image":)" + shown + R"(,"Inserted":)" + (held.empty() ? "false" : "true") +
                         R"(,"Actions":{"#VirtualMedia.InsertMedia":{"target":")" + uri +
                         R"(/Actions/VirtualMedia.InsertMedia"},"#VirtualMedia.EjectMedia":{"target":")" +
                         uri + R"(/Actions/VirtualMedia.EjectMedia"}}})");
  }

  HttpReplied patch(const std::string& path, const HttpRequest& request) {
    if (path != "/redfish/v1/Systems/1") return error(405, "OperationNotAllowed");
    const std::string if_match = get_header(request, "If-Match");
    if (etag_required && if_match != etag()) return error(if_match.empty() ? 428 : 412, "PreconditionFailed");
    if (request.body.find("\"Disabled\"") != std::string::npos) {
      boot_enabled = "Disabled";
      boot_target = "None";
      changed("unboot");
    } else {
      if (!override_lies) {
        boot_enabled = override_becomes;
        boot_target = "Cd";
        for (const char* target : {"UefiUsbCd", "UsbCd"})
          if (request.body.find("\"" + std::string(target) + "\"") != std::string::npos) boot_target = target;
      }
      changed("boot");
    }
    return json(200, "{}");
  }

  HttpReplied post(const std::string& path, const HttpRequest& request) {
    const bool second = path.find("/Two/") != std::string::npos;
    if (path.ends_with("InsertMedia")) return second ? insert_second(request) : insert(request);
    if (path.ends_with("EjectMedia") && second) {
      second_image.clear();
      changed("eject second");
      return json(204, "");
    }
    if (path.ends_with("EjectMedia")) {
      if (request.body != eject_body) return error(400, "MalformedJSON");
      if (eject_works) image.clear();
      changed("eject");
      return json(204, "");
    }
    if (path.ends_with("/A.Show") && !screen.empty()) return json(200, screen);
    if (!path.ends_with("ComputerSystem.Reset")) return error(404, "ResourceMissingAtURI");
    if (reset_conflicts > 0) {
      --reset_conflicts;
      return error(409, "ActionParameterValueConflict");
    }
    const auto start = request.body.find(":\"") + 2;
    const std::string type = request.body.substr(start, request.body.find('"', start) - start);
    changed("reset " + type);
    const bool works = !power_sticks && (type != "GracefulShutdown" || graceful_works);
    power_before_ = power;
    lag_left_ = power_lag_reads;
    if (type == "On" && ons_ignored > 0) {
      --ons_ignored;
    } else if (works && type == "PushPowerButton") {
      set_power(power == "On" ? "Off" : "On");
    } else if (works) {
      set_power(type == "On" || type == "ForceRestart" ? "On" : "Off");
    }
    return json(204, "");
  }

  static std::string image_of(const HttpRequest& request) {
    std::string url;
    for (auto i = request.body.find("\"Image\":\"") + 9; request.body[i] != '"'; ++i)
      if (request.body[i] != '\\') url += request.body[i];
    return url;
  }

  HttpReplied insert_second(const HttpRequest& request) {
    second_image = image_of(request);
    changed("insert second");
    return json(204, "");
  }

  HttpReplied insert(const HttpRequest& request) {
    if (wants_protocol && request.body.find("TransferProtocolType") == std::string::npos)
      return error(400, "ActionParameterMissing", "requires the parameter TransferProtocolType");
    if (insert_status != 204) return error(insert_status, insert_error);
    const std::string url = image_of(request);
    if (insert_by_task) {
      task_image_ = url;
      changed("insert");
      HttpReplied reply = json(202, R"({"@odata.id":"/redfish/v1/TaskService/Tasks/1","TaskState":"New"})");
      reply.headers = {{"location", "/redfish/v1/TaskService/TaskMonitors/1"}};
      return reply;
    }
    if (!insert_lies) image = url;
    changed("insert");
    return json(204, "");
  }

  int version_ = 1;
  int last_session_ = 0;
  int task_looks_ = 0;
  int lag_left_ = 0;
  std::string power_before_;
  std::string task_image_;
};

}  // namespace metalmesh::install
