"""The gateway that AliExpress and Taobao Global share."""
