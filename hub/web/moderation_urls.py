"""Addresses of reports, of the moderators' pages, and of what people see of both."""

from django.urls import path

from hub.web.pages import blocking, moderation, reporting

urlpatterns = [
    path("report", reporting.report_page, name="report"),
    path("transparency", reporting.transparency, name="transparency"),
    path("transparency.json", reporting.transparency_json),
    path("moderation", moderation.queue, name="moderation"),
    path("moderation/dismiss", moderation.dismiss, name="moderation_dismiss"),
    path("moderation/log", moderation.log, name="moderation_log"),
    path("moderation/log.csv", moderation.log_csv),
    path("moderation/appeals/<int:appeal_id>", moderation.decide, name="decide_appeal"),
    path("moderation/<int:case_id>", moderation.case_page, name="moderation_case"),
    path("moderation/<int:case_id>/act", moderation.act, name="moderation_act"),
    path("moderation/<int:case_id>/claim", moderation.claim, name="moderation_claim"),
    path("settings/standing", reporting.standing, name="settings_standing"),
    path("settings/standing/<int:action_id>/appeal", reporting.make_appeal, name="make_appeal"),
    path("settings/blocked", blocking.blocked, name="settings_blocked"),
    path("settings/blocked/remove", blocking.unblock, name="unblock"),
]
