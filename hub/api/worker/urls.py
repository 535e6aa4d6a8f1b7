"""The workers' calls below `/api/worker/`."""

from django.urls import path

from hub.api.worker import views

urlpatterns = [
    path("start", views.start),
    path("heartbeat", views.heartbeat),
    path("jobs/<str:job_id>/claim", views.claim),
    path("jobs/<str:job_id>/events", views.events),
    path("jobs/<str:job_id>/finish", views.finish),
    path("jobs/<str:job_id>/release", views.release),
]
