"""Coming in and going out: allauth's views with our forms, words and addresses."""

from allauth.account import views as allauth
from django.urls import reverse_lazy

from hub.web.forms import accounts as forms

login = allauth.LoginView.as_view(form_class=forms.LoginForm)
signup = allauth.SignupView.as_view(form_class=forms.SignupForm)
password_reset = allauth.PasswordResetView.as_view(form_class=forms.ResetPasswordForm)
password_reset_from_key = allauth.PasswordResetFromKeyView.as_view(form_class=forms.NewPasswordForm)
password_change = allauth.PasswordChangeView.as_view(
    form_class=forms.ChangePasswordForm, success_url=reverse_lazy("account_email")
)
