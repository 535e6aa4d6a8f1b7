"""Coming in and going out: allauth's views with our forms, words and addresses."""

from allauth.account import views as allauth
from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.urls import reverse_lazy

from hub.web.forms import accounts as forms

login = allauth.LoginView.as_view(form_class=forms.LoginForm)
signup = allauth.SignupView.as_view(form_class=forms.SignupForm)
password_reset = allauth.PasswordResetView.as_view(form_class=forms.ResetPasswordForm)
password_reset_from_key = allauth.PasswordResetFromKeyView.as_view(form_class=forms.NewPasswordForm)
# A password where there was none: allauth asks nobody who they are.
password_set = login_required(reauthentication_required(app="allauth.account")(allauth.password_set))
password_change = allauth.PasswordChangeView.as_view(
    form_class=forms.ChangePasswordForm, success_url=reverse_lazy("account_email")
)
